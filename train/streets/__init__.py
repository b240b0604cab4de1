"""
Draw streets that look like CARLA's, with exact labels, as extra training data.

    atlas       the surfaces: tiles of colours, some with holes (surfaces, facades, sprites, cars)
    layout      a street: its cross-section, what lies on the ground
    town        what stands along it (houses, plants, furniture, traffic)
    scene       how both become planar faces and strips of ground
    paint       which face each pixel shows
    weather     sun, sky, fog, rain, lamps
    shade       what colour it has
    lens        what the camera makes of it
    frame       a frame from (seed, drive, frame) alone

Coordinates: x forward, y right, z up, in m; the camera is near the origin, the ground is z = 0.
"""
