"""From what a user calls a model to the model."""

from importlib import import_module
from pathlib import Path

from adfair.errors import AdfairError, ConfigError
from adfair.models.adapters.registry import ADAPTERS
from adfair.models.adapters.run import model_folder
from adfair.models.dual_encoder import CONFIG_FILE, DualEncoder
from adfair.models.encoder import Encoder
from adfair.models.posthoc import corrected_adapter

OURS = ("config.yaml", "before_after.csv")
"""Files beside the ``model/`` of a run, and of what erase and adapt write."""


def load_encoder(model: Path | str) -> Encoder:
    """The model that MODEL names: a run folder, an open_clip folder, or ``ADAPTER:PATH``.

    A plain path is a run where it holds or lies in one, and an open_clip folder otherwise, which is then fed as its
    own ``preprocess_cfg`` says. A corrected model is fed as the one that it was made from.

    Raises:
        ConfigError: no such adapter or file, or a file that the adapter refuses.
        DataError: a run without a finished model.
    """
    name, colon, path = str(model).partition(":")
    # Of Windows' drives only the letter stands before the colon.
    if colon and len(name) > 1 and name != "local-dir" and "/" not in name:
        return load_adapter(name, path)
    return load_towers(model)


def load_towers(model: Path | str) -> DualEncoder:
    """The towers of a run or of an open_clip folder, as ``load_encoder`` reads them: those that may be changed.

    Raises:
        ConfigError, DataError: as ``load_encoder``; another adapter's name is no folder.
    """
    folder = model_folder(model)
    ours = folder.name == "model" and any((folder.parent / each).is_file() for each in OURS)
    known = "adfair" if ours or not (folder / CONFIG_FILE).is_file() else "open_clip"
    found = load_adapter(corrected_adapter(folder) or known, folder)
    assert isinstance(found, DualEncoder), "both read open_clip's layout"
    return found


def load_adapter(name: str, path: Path | str) -> Encoder:
    """Load a model by an adapter's name. Raises ConfigError as ``load_encoder`` does."""
    if name in ("hf-hub", "hf", "https"):
        raise ConfigError(
            f"{name}:{path}: nothing is downloaded. Fetch it with 'hf download REPOSITORY --local-dir FOLDER' and name FOLDER "
            "(open_clip's layout) or transformers:FOLDER (a CLIPModel or SiglipModel)"
        )
    if name not in ADAPTERS:
        raise ConfigError(f"no adapter '{name}'; there are: {', '.join(ADAPTERS)}")
    path = Path(path)
    if not path.exists() and not path.is_symlink():
        raise ConfigError(f"{path}: no such file or folder; {name} wants {ADAPTERS[name].file}")
    module, _, function = ADAPTERS[name].loader.partition(":")
    try:
        return getattr(import_module(f"adfair.models.adapters.{module}"), function)(path)
    except AdfairError as error:
        raise type(error)(str(error) if str(path) in str(error) else f"{path}: {error}") from None
    except PermissionError as error:
        raise ConfigError(f"{error.filename or path}: may not be read") from None
    except Exception as error:
        # Libraries are handed sizes and settings out of a stranger's file here, and raise classes of their own.
        raise ConfigError(
            f"{path}: its weights or settings are not those of a model for '{name}' ({type(error).__name__})"
        ) from error
