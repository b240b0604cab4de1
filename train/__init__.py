"""Offline half of unet_perception: train, evaluate, export. Never imports rclpy."""
