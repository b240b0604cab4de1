"""Find what ships with the package: model bundles, the recorded drive, configuration."""
from pathlib import Path
import sys

MODEL = 'carla-fast'  # the model bundle and the recorded drive that ship and are used unless told
DRIVE = 'town07_drive'


def shipped(*parts):
    """
    List the places where share/unet_perception/PARTS can be, those that exist first.

    They are a checkout (also pip install -e), a pip environment, and a ROS workspace.
    """
    roots = [Path(__file__).resolve().parent.parent, Path(sys.prefix, 'share', 'unet_perception')]
    try:
        from ament_index_python.packages import get_package_share_path
        roots.append(get_package_share_path('unet_perception'))
    except (ImportError, LookupError, OSError):  # no ROS environment, or not installed in it
        pass
    return sorted((root.joinpath(*parts) for root in roots), key=lambda p: not p.exists())
