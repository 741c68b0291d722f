"""Methods of lists of models that read and write files; the work is done in `gammafold.modeling.models.files`."""

from __future__ import annotations

import os
from typing import Any, Self

from gammafold.utils.errors import FileFormatError, GammafoldError, MissingPackageError

__all__ = ["ModelsFiles"]


class ModelsFiles:
    """Dicts, YAML and files of `~gammafold.modeling.models.collection.DatasetModels`."""

    def to_dict(self, full_output: bool = False, overwrite_templates: bool = False) -> dict[str, Any]:
        """Return the models as plain dicts, lists, strings and numbers.

        Parameters
        ----------
        full_output : bool
            Whether to write what is as the classes declare it, too. Default: False.
        overwrite_templates : bool
            Accepted for scripts; see `write`.
        """
        from gammafold.modeling.models import files

        return files.models_to_dict(self, full_output)  # type: ignore[arg-type]

    def to_yaml(self, full_output: bool = False, overwrite_templates: bool = False) -> str:
        """Return the models as YAML."""
        import yaml

        return yaml.safe_dump(self.to_dict(full_output), sort_keys=False, default_flow_style=False, width=120)

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str | os.PathLike[str] = "") -> Self:
        """Return models from `to_dict`; files that it names are looked for in the folder ``path``."""
        from gammafold.modeling.models import files

        models = cls(files.models_from_dict(data, path))  # type: ignore[call-arg]
        files.read_covariance_of(models, data, path)  # type: ignore[arg-type]
        return models

    @classmethod
    def from_yaml(cls, yaml_str: str, path: str | os.PathLike[str] = "") -> Self:
        """Return models from YAML.

        Raises
        ------
        FileFormatError
            If the text is no YAML, or holds no models.
        """
        import yaml

        try:
            content = yaml.safe_load(yaml_str)
        except (yaml.YAMLError, AttributeError) as error:
            raise FileFormatError(f"these are no models in YAML: {error}") from error
        return cls.from_dict(content, path)

    def write(
        self,
        path: str | os.PathLike[str],
        overwrite: bool = False,
        full_output: bool = False,
        overwrite_templates: bool = False,
        write_covariance: bool = True,
    ) -> None:
        """Write the models to a YAML file, and their covariance beside it.

        Parameters
        ----------
        path : path
            The file; the covariance goes to a file of this name ending in ``_covariance.dat``.
        overwrite : bool
            Whether to replace files that are there. Default: False.
        full_output : bool
            Whether to write what is as the classes declare it, too. Default: False.
        overwrite_templates : bool
            Whether to write the files of template models again. Default: False, only those that do not exist.
        write_covariance : bool
            Default: True.
        """
        from gammafold.modeling.models import files

        options = (overwrite, full_output, overwrite_templates, write_covariance)
        files.write_models(self, path, *options)  # type: ignore[arg-type]

    @classmethod
    def read(cls, filename: str | os.PathLike[str]) -> Self:
        """Read models, and their covariance, from a YAML file.

        Raises
        ------
        FileFormatError
            If the file holds no models, or ones that are not known; the message names file and model.
        """
        from gammafold.modeling.models import files

        content = files.read_content(filename)
        try:
            return cls.from_dict(content, files.folder_of(filename))
        except MissingPackageError:
            raise
        except GammafoldError as error:
            raise FileFormatError(f"{filename}: {error}") from error
