"""Silence as AAC-LC: stereo at 48 kHz, one constant six-byte frame (ISO/IEC 14496-3, subpart 4).

48 kHz, because every usual frame rate divides it: audio then ends with the video to the sample.
"""

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 1024

# AudioSpecificConfig (1.6.2.1): AAC LC, frequency index 3, two channels, no options of GASpecificConfig.
CONFIG = int("00010" + "0011" + "0010" + "000", 2).to_bytes(2)

# A channel without scale factor bands has no spectrum (4.4.2.7): global_gain; no pulse, TNS or gain control.
_CHANNEL = "00000000" + "000"
# raw_data_block (4.4.2.1): a pair of channels with common_window, ONLY_LONG_SEQUENCE, max_sfb 0; then ID_END.
_PAIR = "001" + "0000" + "1" + "0000" + "000000" + "0" + "00" + 2 * _CHANNEL
FRAME = int(_PAIR + "111" + "00", 2).to_bytes(6)
