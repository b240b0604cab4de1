"""
The street of the stand-in's towns: a rounded rectangle, one lane each way, sidewalks.

A place on it is (s, t): metres along its middle, and metres to the right of it. Coordinates are
CARLA's: x forward, y to the right, yaw clockwise in degrees. OpenDRIVE's y points the other way.
"""
from functools import cache

import numpy as np

LONG, SHORT, RADIUS = 160.0, 60.0, 25.0  # the straights and the corners, m
LANE, SIDEWALK = 3.5, 2.5  # widths, m
SPEED = 30.0  # limit, km/h
CORNER = RADIUS * np.pi / 2
LENGTHS = (LONG, CORNER, SHORT, CORNER) * 2
LENGTH = sum(LENGTHS)


@cache
def _line():
    """Return s, x, y and heading (radians) of the middle, each 0.1 m, in OpenDRIVE's frame."""
    ends = np.cumsum([0, *LENGTHS])
    s = np.union1d(ends, np.arange(0, LENGTH, 0.1))
    heading = np.interp(s, ends, np.arange(9) // 2 * np.pi / 2)
    middle, step = (heading[1:] + heading[:-1]) / 2, np.diff(s)
    x = np.cumsum([-LONG / 2, *step * np.cos(middle)])
    y = np.cumsum([-SHORT / 2 - RADIUS, *step * np.sin(middle)])
    return s, x, y, heading


def place(s, t):
    """Return x, y (m) and yaw (degrees) of places; s and t may be arrays."""
    s, t = np.asarray(s) % LENGTH, np.asarray(t)
    x, y, heading = (np.interp(s, _line()[0], values) for values in _line()[1:])
    return x + t * np.sin(heading), t * np.cos(heading) - y, -np.degrees(heading)


def spawn_points():
    """List [location, rotation] of CARLA transforms, each 20 m on both lanes."""
    points = []
    for s in np.arange(10, LENGTH, 20):
        for t, turned in ((LANE / 2, 0), (-LANE / 2, 180)):
            x, y, yaw = place(s, t)
            points.append([[float(x), float(y), 0.3], [0.0, float(yaw + turned), 0.0]])
    return points


def opendrive(town):
    """
    Return the OpenDRIVE description of a town: two halves, each going on in the other.

    The `carla` wheel does not follow a road that goes on in itself.
    """
    ends = np.cumsum([0, *LENGTHS])[:-1]
    x, y, heading = (np.interp(ends, _line()[0], values) for values in _line()[1:])
    roads = ''
    for half, other in ((0, 1), (1, 0)):
        geometry = ''
        for i in range(4 * half, 4 * half + 4):
            shape = f'<arc curvature="{1 / RADIUS}"/>' if i % 2 else '<line/>'
            geometry += (f'<geometry s="{ends[i] - half * LENGTH / 2}" x="{x[i]}" y="{y[i]}" '
                         f'hdg="{heading[i]}" length="{LENGTHS[i]}">{shape}</geometry>')
        roads += f"""
<road name="{half}" length="{LENGTH / 2}" id="{half + 1}" junction="-1">
<link><predecessor elementType="road" elementId="{other + 1}" contactPoint="end"/>
<successor elementType="road" elementId="{other + 1}" contactPoint="start"/></link>
<type s="0" type="town"><speed max="{SPEED}" unit="km/h"/></type>
<planView>{geometry}</planView>
<elevationProfile><elevation s="0" a="0" b="0" c="0" d="0"/></elevationProfile><lateralProfile/>
<lanes><laneSection s="0">
<left>{_lane(2, "sidewalk", SIDEWALK)}{_lane(1, "driving", LANE)}</left>
<center><lane id="0" type="none" level="false"><roadMark sOffset="0" type="broken"
 weight="standard" color="white" width="0.15" laneChange="none"/></lane></center>
<right>{_lane(-1, "driving", LANE)}{_lane(-2, "sidewalk", SIDEWALK)}</right>
</laneSection></lanes></road>"""
    return f"""<?xml version="1.0" standalone="yes"?>
<OpenDRIVE>
<header revMajor="1" revMinor="4" name="{town}" version="1"
 north="200" south="-200" east="200" west="-200"><geoReference>
<![CDATA[+proj=tmerc +lat_0=0 +lon_0=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84]]></geoReference></header>
{roads}</OpenDRIVE>"""


def _lane(number, kind, width):
    return (f'<lane id="{number}" type="{kind}" level="false"><link><predecessor id="{number}"/>'
            f'<successor id="{number}"/></link><width sOffset="0" a="{width}" b="0" c="0" d="0"/>'
            f'<roadMark sOffset="0" type="solid" weight="standard" color="white" width="0.15" '
            f'laneChange="none"/></lane>')
