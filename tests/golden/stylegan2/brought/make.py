#!/usr/bin/env python3
"""Writes the files of this folder: the networks of ../hostile/ok_ada8.pkl, ok_tf8.pkl and ok_ros8.pt as other
people save them. Needs Python 3 alone: torch's, numpy's and NVIDIA's classes are stood in for by shells that pickle
under the same names. Nothing is added to the networks' values; what must come out of each file is said by its name.
"""
import collections, datetime, decimal, enum, fractions, functools, io, json, pathlib, pickle, struct, sys, types, zipfile

HERE = pathlib.Path(__file__).parent
HOSTILE = HERE.parent / "hostile"


def module(name):
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(parts[i - 1]))
    return sys.modules[name]


class Made:
    """What a call of a foreign function makes: the call itself, to be pickled again."""

    def __init__(self, function, arguments):
        self.function, self.arguments = function, arguments

    def __setstate__(self, state):
        self.state = state

    def __reduce_ex__(self, protocol):
        if protocol == 5 and self.function is RECONSTRUCT and RECONSTRUCT_AS_BUFFER:
            _, shape, dtype, fortran, data = self.state
            return FROMBUFFER, (bytearray(data), dtype, shape, "F" if fortran else "C")
        state = (self.state,) if hasattr(self, "state") else ()
        return (self.function, self.arguments) + state


RECONSTRUCT_AS_BUFFER = True


def function(module_name, name):
    def shell(*arguments):
        return Made(shell, arguments)

    shell.__module__, shell.__qualname__, shell.__name__ = module_name, name, name
    setattr(module(module_name), name, shell)
    return shell


def shell_class(module_name, name, bases=(object,)):
    if not hasattr(module(module_name), name):
        setattr(module(module_name), name, type(name, bases, {"__module__": module_name}))
    return getattr(module(module_name), name)


PERSISTENT = function("torch_utils.persistence", "_reconstruct_persistent_obj")
TENSOR = function("torch._utils", "_rebuild_tensor_v2")
PARAMETER = function("torch._utils", "_rebuild_parameter")
FROM_BYTES = function("torch.storage", "_load_from_bytes")
DTYPE = function("numpy", "dtype")
SCALAR = function("numpy.core.multiarray", "scalar")
RECONSTRUCT = function("numpy.core.multiarray", "_reconstruct")
FROMBUFFER = function("numpy.core.numeric", "_frombuffer")
NDARRAY = shell_class("numpy", "ndarray")
EASY_DICT = shell_class("dnnlib.util", "EasyDict", (dict,))
NETWORK = shell_class("dnnlib.tflib.network", "Network")
FLOAT = shell_class("torch", "FloatStorage")


class Storage:
    def __init__(self, data):
        self.data = data


class Unpickler(pickle.Unpickler):
    storages = None

    def persistent_load(self, pid):
        assert pid[0] == "storage" and pid[1] is FLOAT, pid
        return self.storages.setdefault(pid[2], Storage(None))


def from_stream(data):
    """The one storage of an old torch stream."""
    file = io.BytesIO(data)
    for _ in range(3):
        pickle.load(file)
    unpickler = Unpickler(file)
    unpickler.storages = {}
    storage = unpickler.load()
    keys = pickle.load(file)
    assert len(keys) == 1
    count, = struct.unpack("<q", file.read(8))
    storage.data = file.read(4 * count)
    return storage


class ZipPickler(pickle.Pickler):
    def __init__(self, file):
        super().__init__(file, 2)
        self.storages, self.ids = [], {}

    def persistent_id(self, value):
        if isinstance(value, Made) and value.function is FROM_BYTES:
            if id(value) not in self.ids:
                self.ids[id(value)] = (value, from_stream(value.arguments[0]))
            value = self.ids[id(value)][1]
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        return ("storage", FLOAT, str(self.storages.index(value)), "cpu", len(value.data) // 4)


def torch_save(name, value, version=b"3\n", tail=b"", version_name="version"):
    data = io.BytesIO()
    pickler = ZipPickler(data)
    pickler.dump(value)
    with zipfile.ZipFile(HERE / name, "w") as archive:
        def put(entry, content):
            archive.writestr(zipfile.ZipInfo("archive/" + entry), content)

        put("data.pkl", data.getvalue())
        for i, storage in enumerate(pickler.storages):
            put(f"data/{i}", storage.data)
        put(version_name, version)
    with open(HERE / name, "ab") as file:
        file.write(tail)


def dump(name, value, protocol, tail=b""):
    # Python's own pickler writes more kinds of reduce than the compiled one, but these suffice.
    (HERE / name).write_bytes(pickle.dumps(value, protocol) + tail)


def load(name):
    return Unpickler(open(HOSTILE / name, "rb")).load()


def load_zip(name):
    with zipfile.ZipFile(HOSTILE / name) as archive:
        top = archive.namelist()[0].split("/")[0]
        unpickler = Unpickler(io.BytesIO(archive.read(top + "/data.pkl")))
        unpickler.storages = {}
        value = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.data = archive.read(f"{top}/data/{key}")
        return value


def attributes(generator):
    return generator.arguments[0]["state"]


def state_dict(generator, prefix=""):
    state = attributes(generator)
    tensors = collections.OrderedDict()
    for kind in ("_parameters", "_buffers"):
        for key, value in state[kind].items():
            if value is not None:
                tensors[prefix + key] = value.arguments[0] if value.function is PARAMETER else value
    for key, value in state["_modules"].items():
        if value is not None:
            tensors.update(state_dict(value, prefix + key + "."))
    return tensors


def listed(tensor):
    """A scalar as a list of one, as some files have it."""
    storage, offset, size, stride, *more = tensor.arguments
    return Made(TENSOR, (storage, offset, size or (1,), stride or (1,), *more))


def tensor_bytes(tensor):
    storage, offset, size, stride = tensor.arguments[:4]
    if isinstance(storage, Made):
        storage = from_stream(storage.arguments[0])
    out = bytearray()

    def walk(dimension, position):
        if dimension == len(size):
            out.extend(storage.data[4 * position:4 * position + 4])
            return
        for i in range(size[dimension]):
            walk(dimension + 1, position + i * stride[dimension])

    walk(0, offset)
    return list(size), bytes(out)


def safetensors(name, tensors):
    header, data = {}, b""
    for key, tensor in tensors.items():
        size, content = tensor_bytes(tensor)
        header[key] = {"dtype": "F32", "shape": size, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (HERE / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


# Objects that people's training code leaves beside a network.
class Colour(enum.Enum):
    RED = 1


class Outer:
    class Inner:
        pass


class Keyworded:
    def __new__(cls, *, name):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"name": "x"}


class TextList(list):
    pass


def foreign_module(name, value_names):
    made = module(name)
    for value in value_names:
        value.__module__ = name
        setattr(made, value.__qualname__.split(".")[0], value)


foreign_module("somebody.training", [Colour, Outer, Keyworded, TextList])
Outer.Inner.__module__ = "somebody.training"


def foreign_objects():
    texts = TextList(["a", "b"])
    texts.extra = {"a": 1}
    recursive = ([],)
    recursive[0].append(recursive)
    return {
        "path": pathlib.PurePosixPath("/data/x.zip"), "colour": Colour.RED, "inner": Outer.Inner(),
        "nested_class": Outer.Inner, "keyworded": Keyworded(name="x"), "texts": texts, "recursive": recursive,
        "when": datetime.datetime(2020, 1, 1), "decimal": decimal.Decimal("1.5"),
        "fraction": fractions.Fraction(1, 3), "partial": functools.partial(int, "1", base=2),
        "counts": collections.defaultdict(list, {"a": [1]}), "queue": collections.deque([1, 2]),
        "frozen": frozenset([1, 2]), "set": {1, 2}, "complex": 1 + 2j, "slice": slice(1, 2), "range": range(3),
        "bytes": b"\x00\xff", "array": bytearray(b"abc"), "type": int, (4, 4): "a tuple is the key", 1.5: "a number",
        "big": 1 << 100, "float": 1e300, "unicode": "é\\u0041\n€𝄞", "none": None, "error": ValueError("no"),
        "method": "text".upper,
    }


def dtype(name, order="<"):
    made = Made(DTYPE, (name, False, True))
    made.state = (3, order, None, None, None, -1, -1, 0)
    return made


def scalar(name, data, order="<"):
    return Made(SCALAR, (dtype(name, order), data))


def main():
    ada, tf, ros = load("ok_ada8.pkl"), load("ok_tf8.pkl"), load_zip("ok_ros8.pt")
    for protocol in (0, 1, 2, 3, 5):
        dump(f"ada8_protocol{protocol}.pkl", ada, protocol)
        dump(f"tf8_protocol{protocol}.pkl", tf, protocol)
    dump("ada8_newline.pkl", ada, 4, b"\r\n")

    dump("ada8_module.pkl", ada["G_ema"], 4)
    torch_save("ada8_module.pt", ada["G_ema"])
    torch_save("ada8_snapshot.pt", ada)
    wrapper = shell_class("torch.nn.parallel.data_parallel", "DataParallel")()
    wrapper.__dict__.update(training=False, _parameters={}, _buffers={}, _modules={"module": ada["G_ema"]})
    torch_save("ada8_data_parallel.pt", wrapper)

    state = state_dict(ada["G_ema"])
    torch_save("ada8_state_dict.pt", state)
    torch_save("ada8_wrapped.pt", {"step": 7, "models": {"G_ema": {"module." + k: v for k, v in state.items()}},
                                   "optimizer": {"state": {0: {"exp_avg": state["mapping.fc0.bias"]}}}})
    dump("ada8_state_dict.pkl", {k: listed(v) for k, v in state.items()}, 4)
    safetensors("ada8_state_dict.safetensors", state)

    dump("ada8_foreign_protocol4.pkl", dict(ada, training=foreign_objects()), 4)
    dump("ada8_foreign_protocol2.pkl", dict(ada, training=foreign_objects()), 2)
    dump("ada8_foreign_protocol0.pkl", dict(ada, training=foreign_objects()), 0)
    broken_d = shell_class("pg_modules.discriminator", "ProjectedDiscriminator")()
    broken_d.training = False
    dump("ada8_foreign_d.pkl", dict(ada, D=broken_d), 4)

    ros_state = ros["g_ema"]
    no_noises = collections.OrderedDict((k, v) for k, v in ros_state.items() if not k.startswith("noises."))
    torch_save("ros8_no_noises.pt", dict(ros, g_ema=no_noises))
    torch_save("ros8_version1.pt", ros, b"1")
    torch_save("ros8_version10.pt", ros, b"10\n", b"\n", ".data/version")
    centre = ros["latent_avg"]
    storage, offset, size, _ = centre.arguments[:4]
    repeated = Storage(storage.data[4 * offset:4 * (offset + size[-1])] * 4)
    plus = Made(TENSOR, (repeated, 0, (4, size[-1]), (size[-1], 1), False, collections.OrderedDict()))
    torch_save("ros8_encoder.pt", {"state_dict": {**{"decoder." + k: v for k, v in ros_state.items()},
                                                  "encoder.weight": centre}, "latent_avg": plus})
    uneven = Storage(repeated.data[:-4] + struct.pack("<f", 3))
    torch_save("ros8_uneven_centre.pt", dict(ros, latent_avg=Made(
        TENSOR, (uneven, 0, (4, size[-1]), (size[-1], 1), False, collections.OrderedDict()))))

    def nested(tensors, name):
        node = shell_class("model", name)()
        own = {k: v for k, v in tensors.items() if "." not in k}
        children = collections.OrderedDict()
        for key, value in tensors.items():
            if "." in key:
                head, rest = key.split(".", 1)
                children.setdefault(head, {})[rest] = value
        node.__dict__.update(training=True, _parameters=collections.OrderedDict(own), _buffers={}, _modules={
            key: nested(inner, "Layer") for key, inner in children.items()})
        return node

    torch_save("ros8_module.pt", nested(ros_state, "Generator"))

    # Attributes as numpy scalars of every kind, and a network without its centre.
    ada = load("ok_ada8.pkl")
    state = attributes(ada["G_ema"])
    state["z_dim"] = scalar("u2", struct.pack("<H", state["z_dim"]))
    state["w_dim"] = scalar("u8", struct.pack("<Q", state["w_dim"]))
    state["img_channels"] = scalar("i4", struct.pack(">i", state["img_channels"]), ">")
    for name, block in attributes(state["_modules"]["synthesis"])["_modules"].items():
        inner = attributes(block)
        inner["is_last"] = scalar("b1", bytes([inner["is_last"]]), "|")
        inner["architecture"] = scalar("U4", inner["architecture"].encode("utf-32-le"))
        inner["extra"] = scalar("c16", bytes(16))
        inner["when"] = scalar("M8", bytes(8))
    dump("ada8_numpy_scalars.pkl", ada, 4)
    attributes(state["_modules"]["mapping"])["_buffers"].pop("w_avg")
    dump("ada8_no_w_avg.pkl", ada, 4)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def hostile():
    """What strangers may put where a network is looked for; each must be refused."""

    def write(name, content):
        (HERE / ("hostile_" + name)).write_bytes(content)

    def archive(name, content):
        with zipfile.ZipFile(HERE / ("hostile_" + name), "w") as file:
            file.writestr(zipfile.ZipInfo("archive/data.pkl"), content)
            file.writestr(zipfile.ZipInfo("archive/version"), b"3\n")

    ada = load("ok_ada8.pkl")
    system = function("nt", "system")
    dump("hostile_command_beside.pkl", dict(ada, extra=Made(system, ("touch PWNED",))), 4)
    state = load("ok_ada8.pkl")
    attributes(state["G_ema"])["hook"] = Made(system, ("touch PWNED",))
    dump("hostile_command_inside.pkl", state, 2)
    unknown = shell_class("somebody.networks", "Painter")()
    dump("hostile_unknown_network.pkl", {"G_ema": unknown}, 4)
    dump("hostile_unknown_weight.pkl", unknown_weight(), 4)

    made = b"cm\nModule\n)\x81"
    parts = text("_parameters") + b"}" + text("_buffers") + b"}"
    archive("module_in_itself.pt", b"\x80\x02" + made + b"q\x00}(" + parts + text("_modules") +
            b"}(" + text("a") + b"h\x00uub.")
    nested = b"\x80\x02}q\x00"  # each dict holds the one before it twice
    for i in range(30):
        nested += b"}(" + text("a") + b"h" + bytes([i]) + text("b") + b"h" + bytes([i]) + b"uq" + bytes([i + 1])
    archive("dicts_doubled.pt", nested + b".")
    write("dict_in_itself.pkl", b"\x80\x02}q\x00(" + text("G_ema") + b"h\x00u.")
    write("memo_line.pkl", b"(lp4294967295\n.")
    write("number_line.pkl", b"(I" + b"9" * 100000 + b"\nx.")
    write("buffer_outside.pkl", b"\x80\x05}" + text("G_ema") + b"\x97s.")
    write("array_longer.pkl", b"\x80\x05\x96" + struct.pack("<Q", 1 << 62) + b"ab.")
    write("page.pkl", b"\n\n<!DOCTYPE html><html><title>\x1b[2J" + b"x" * 1000 + b"</title>")


def unknown_weight():
    """A network one of whose tensors is an object that nobody knows."""
    ada = load("ok_ada8.pkl")
    synthesis = attributes(attributes(ada["G_ema"])["_modules"]["synthesis"])
    attributes(synthesis["_modules"]["b4"])["_parameters"]["const"] = shell_class("torch._tensor", "Rebuilt")()
    return ada


main()
hostile()
