"""Bugs in encoders and decoders."""

from . import Mutant

_FEATURES = "features: Tensor = self.net(flat(x, conditions))"
_STACKED = "self.net = stack((size(in_shape), *hidden), activation)"
_WIDTHS = "widths = (size(inputs(in_shape)[0] if told else in_shape), *hidden)"
_LAST = "self.last = nn.Linear(widths[-1], math.prod(out_shape))"
_OUT = "out: Tensor = self.last(self.net(*told_apart(z.flatten(1), conditions, self.told)))"
_MAP = "features: Tensor = self.net(beside(x, conditions))"
_PICTURE = "out: Tensor = self.net(beside(z, conditions))"
_TORCH = "__import__('torch')"


def _encoder(old: str, new: str, says: str) -> Mutant:
    return Mutant("encoder", "mlp", "nets", "mlp.py", old, new, says)


def _decoder(old: str, new: str, says: str) -> Mutant:
    return Mutant("decoder", "mlp", "nets", "mlp.py", old, new, says)


def _conv(kind: str, old: str, new: str, says: str, file: str = "conv.py") -> Mutant:
    return Mutant(kind, "conv", "nets", file, old, new, says)


_DEFAULT = """] = "relu",
        init_std: NonNegative | None = None,
        glorot: bool = False,
    ) -> None:
        super().__init__()
        self.net = stack((size(in_shape), *hidden), activation)"""


def _unet(old: str, new: str, says: str) -> Mutant:
    return Mutant("decoder", "unet", "nets", "unet.py", old, new, says)


def _unpooling(old: str, new: str, says: str) -> Mutant:
    return Mutant("decoder", "unpooling", "nets", "unpooling.py", old, new, says)


MUTANTS = [
    _unpooling(
        "odd = ((out_shape[1] >> level) % 2, (out_shape[2] >> level) % 2)", "odd = (0, 0)", "height and width"
    ),
    _unpooling(
        "self.net(beside(z, conditions))", "self.net(beside(z - z.mean(0), conditions))", "independent_rows"
    ),
    _unet("size=beside.shape[2:])", "scale_factor=2)", "3x27x22"),
    _unet("self.down[0](x, told)", "self.down[0](x - x.mean(0), told)", "independent_rows"),
    _unet("self.last(features)", "self.last(features.detach())", "gradient"),
    # shapes
    _encoder(_FEATURES, f"{_FEATURES}.squeeze()", "squeeze"),
    _encoder(_FEATURES, "features: Tensor = self.net(x.flatten())", "vector of 6"),
    _conv("encoder", "channels[-1] * height * breadth", "channels[-1] * height * height", "1x28x20"),
    _conv("decoder", "(out_shape[2] >> level) % 2)", "0)", "height and width"),
    _conv("decoder", "(out_shape[1] >> level) % 2,", "(out_shape[2] >> level) % 2,", "height and width"),
    # numbers
    _encoder(_FEATURES, f"{_FEATURES}.double()", "float64"),
    _encoder(_FEATURES, f"{_FEATURES}.log()", "finite"),
    _encoder(_FEATURES, "features: Tensor = self.net((x / x.norm()).flatten(1))", "0 everywhere"),
    # arguments and neighbours
    _encoder(_FEATURES, "features: Tensor = self.net(x.mul_(2).flatten(1))", "leaves x as it was"),
    _encoder(_FEATURES, "features: Tensor = self.net((x - x.mean(0)).flatten(1))", "independent_rows"),
    # gradients and parameters
    _encoder(_FEATURES, f"{_FEATURES}.detach()", "none reaches net.0.weight"),
    _encoder(_FEATURES, f"{_FEATURES} * 0", "none reaches net.0.weight"),
    _encoder(_STACKED, f"{_STACKED}\n        self.spare = nn.Linear(2, 3)", "none reaches spare.weight"),
    _conv("encoder", _MAP, "features: Tensor = self.net[1:](self.net[0](x).detach())", "none reaches net.0"),
    _decoder(_OUT, "out: Tensor = self.last(self.net(z.flatten(1).detach()))", "flows from what it gives"),
    _decoder(_LAST, f"{_LAST}\n        self.extra = [nn.Linear(1, 1)]", "self.extra[0]"),
    # state
    _decoder(
        _OUT, f"self.shift = getattr(self, 'shift', 0) + 0.1\n        {_OUT} + self.shift", "state_dict"
    ),
    _decoder(_LAST, f"{_LAST}\n        self.shift = {_TORCH}.randn(widths[-1])", "shift stayed on the CPU"),
    _conv("encoder", _MAP, f"{_TORCH}.set_default_dtype({_TORCH}.float64)\n        {_MAP}", "default dtype"),
    _encoder(
        _FEATURES, f"__import__('os').environ['OMP_WAIT_POLICY'] = 'PASSIVE'\n        {_FEATURES}", "OMP_WAIT"
    ),
    # randomness
    _encoder(
        _FEATURES, f"features: Tensor = self.net((x + {_TORCH}.randn_like(x)).flatten(1))", "self.training"
    ),
    _encoder(_FEATURES, f"{_TORCH}.manual_seed(0)\n        {_FEATURES}", "manual_seed"),
    _encoder(_FEATURES, f"{_FEATURES} * __import__('random').random()", "Python's random"),
    _encoder(_FEATURES, f"{_FEATURES} + __import__('numpy').random.rand()", "numpy.random"),
    _encoder(_FEATURES, f"{_FEATURES} + __import__('time').perf_counter() % 1", "clock"),
    _decoder(_WIDTHS, f"{_TORCH}.manual_seed(1)\n        {_WIDTHS}", "after it is built"),
    # devices, precision, options
    _conv("decoder", _PICTURE, f"{_PICTURE} * {_TORCH}.ones(len(z), 1, 1, 1)", "device=x.device"),
    _conv(
        "encoder",
        _MAP,
        f"{_MAP}\n        features = x.new_zeros(features.shape).index_add(0, (x[:, 0, 0, 0] * 0).long(), features)",
        "bfloat16",
    ),
    _conv("encoder", '    "gelu": nn.GELU,\n', "", "activation: 'gelu'", "layers.py"),
    _encoder(_DEFAULT, _DEFAULT.replace("relu", "rleu"), "default"),
]
