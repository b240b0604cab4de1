"""Semantic segmentation of CARLA camera images with a U-Net, as a ROS 2 package."""
