"""Offline half of unet_perception: train, evaluate and export the networks. Never imports rclpy."""
