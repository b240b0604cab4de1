from glob import glob
from os import path

from setuptools import setup

NAME = 'unet_perception'
SHARE = f'share/{NAME}'


def share(pattern):
    """List the files that match, each bound for its own folder below share/."""
    return [(f'{SHARE}/{path.dirname(file)}', [file]) for file in sorted(glob(pattern))]


# ROS 2 Jazzy as wheels. The pins matter: the newest on PyPI are Kilted, which does not mix.
ROS = ['ros-rclpy[fastrtps]==7.1.6', 'ros-sensor-msgs==5.3.6', 'ros-std-srvs==5.3.6',
       'ros-diagnostic-msgs==5.3.6']
TRAIN = ['tensorflow>=2.21,<3', 'tensorboard>=2.20,<3', 'matplotlib>=3.8']
# colcon build --symlink-install calls setup.py develop --editable, which setuptools 80 dropped.
TEST = ['pytest>=8', 'colcon-core>=0.20', 'colcon-ros>=0.5', 'setuptools>=64,<80']

setup(
    name=NAME,
    version='0.1.0',
    description='Semantic segmentation of CARLA camera images with a U-Net, as a ROS 2 package.',
    license='Apache-2.0',
    maintainer='unet_perception maintainers',
    maintainer_email='maintainers@users.noreply.example',
    python_requires='>=3.10',
    packages=[NAME],  # train/ runs from the checkout and is not installed
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (SHARE, ['package.xml']),
        *share('models/*/*'),
        *share('launch/*.launch.py'),
        *share('config/*.yaml'),
        *share('rviz/*.rviz'),
        *share('demo/*/*'),
    ],
    entry_points={'console_scripts': [
        f'node = {NAME}.node:main',
        f'demo = {NAME}.demo:main',
    ]},
    zip_safe=True,
    install_requires=[
        'numpy>=1.26',
        'opencv-python-headless>=4.5,<5',  # OpenCV 5 renumbers its types and breaks cv_bridge
        'openvino>=2026.0',
        'rosbags>=0.10',
        'rosbags-image>=0.10',
        'rich>=13',
        'pillow>=10.1',
    ],
    extras_require={'ros': ROS, 'train': TRAIN, 'test': TEST},
)
