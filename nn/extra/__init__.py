"""What textbooks teach and PyTorch lacks: LSTM variants, highway layers, Inception blocks with
auxiliary heads, restricted Boltzmann machines, Hopfield networks.

Imported by its own name: `from ember.nn import extra`.
"""

from .hopfield import HopfieldNetwork, RestrictedBoltzmannMachine
from .inception import AuxiliaryHead, InceptionBlock
from .lstm import LSTM_VARIANTS, Highway, VariantLSTM, VariantLSTMCell

__all__ = ["AuxiliaryHead", "Highway", "HopfieldNetwork", "InceptionBlock", "LSTM_VARIANTS",
           "RestrictedBoltzmannMachine", "VariantLSTM", "VariantLSTMCell"]
