"""Find what ships with the package: model bundles and the recorded drive."""
from pathlib import Path


def shipped(*parts):
    """List the places where models/NAME or demo/NAME can be: a checkout, an installed share/.

    Existing places come first.
    """
    roots = [Path(__file__).resolve().parent.parent]
    try:
        from ament_index_python.packages import get_package_share_path
        roots.append(get_package_share_path('unet_perception'))
    except (ImportError, LookupError, OSError):  # no ROS environment, or not installed in it
        pass
    return sorted((root.joinpath(*parts) for root in roots), key=lambda p: not p.exists())
