"""Tell what the ids in the masks mean, as vision_msgs/LabelInfo, where that is installed."""
try:
    from vision_msgs.msg import LabelInfo, VisionClass
except ImportError:  # on no package index; ROS distributions have it
    LabelInfo = None


def label_info(bundle, threshold, stamp):
    """
    Return the LabelInfo of a bundle's classes.

    threshold: pixels below this confidence are 255 in the mask. stamp: builtin_interfaces/Time.
    """
    message = LabelInfo(threshold=threshold, class_map=[
        VisionClass(class_id=i, class_name=name) for i, name in enumerate(bundle.names)])
    message.header.stamp = stamp
    return message
