"""What textbooks teach and PyTorch lacks: LSTM variants, highway layers, Inception blocks with
auxiliary heads, restricted Boltzmann machines, Hopfield networks.

Imported by its own name: `from ember.nn import extra`.
"""

from .boltzmann import RestrictedBoltzmannMachine
from .highway import Highway
from .hopfield import HopfieldNetwork
from .inception import AuxiliaryHead, InceptionBlock
from .lstm import LSTM_VARIANTS, VariantLSTM, VariantLSTMCell

__all__ = ["AuxiliaryHead", "Highway", "HopfieldNetwork", "InceptionBlock", "LSTM_VARIANTS",
           "RestrictedBoltzmannMachine", "VariantLSTM", "VariantLSTMCell"]
