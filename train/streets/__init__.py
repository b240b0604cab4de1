"""
Draw streets that look like CARLA's, with exact labels, as extra training data.

What it is made of, from surfaces to a picture:

    noise, surfaces, facades, plants, figures, cars, signs     tiles: what things look like
    atlas                        the tiles of a drive
    layout                       a street: its course, its lanes, what is beside them
    layer, pavement, markings    what lies on its ground
    stand, houses, greens, furniture, overhead, vehicles       what stands on it
    scene                        both as strips of ground and planar faces
    camera, painting             which part of a scene each pixel shows, exactly
    weather, shading, lamps      what colour that has
    lens                         what a camera makes of it
    frame                        all of it, from (seed, drive, frame) alone

Coordinates: x forward, y right, z up, in m; the camera is near the origin, the ground is z = 0.
"""
