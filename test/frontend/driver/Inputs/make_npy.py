"""make_npy.py FILE TYPE EXTENT...: random numbers as an .npy file."""

import sys

import numpy as np

shape = [int(extent) for extent in sys.argv[3:]]
values = np.random.default_rng(0).standard_normal(shape)
np.save(sys.argv[1], values.astype(sys.argv[2]))
