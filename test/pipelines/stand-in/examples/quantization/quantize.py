import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from checkpoint import write_checkpoint
from stand_in import start

write_checkpoint(start("quantize.py"))
