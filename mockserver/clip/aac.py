"""Silence as AAC-LC: stereo at 48 kHz, one constant six-byte frame (ISO/IEC 14496-3, subpart 4).

48 kHz, because every usual frame rate divides it: audio then ends with the video to the sample.
"""

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 1024

# AudioSpecificConfig (1.6.2.1): object type 2 (AAC LC), frequency index 3, two channels, 1024 samples a frame.
CONFIG = int("0001000110010000", 2).to_bytes(2)

# A channel with no scale factor bands has no spectrum: global_gain, no pulse, no TNS, no gain control (4.4.2.7).
_CHANNEL = "00000000000"
# raw_data_block (4.4.2.1): a channel pair with one common long window and max_sfb 0, then the end mark.
FRAME = int(f"{'001000010000000000000'}{_CHANNEL * 2}{'11100'}", 2).to_bytes(6)
