"""Small helpers that scripts may use too; some of them live on higher floors."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.backend.convert import get_batch_size as get_batch_size
    from fastestimator_lite.backend.convert import to_number as to_number
    from fastestimator_lite.backend.device import cpu_count as cpu_count
    from fastestimator_lite.backend.device import detach_tensors as detach_tensors
    from fastestimator_lite.backend.device import get_device as get_device
    from fastestimator_lite.backend.device import get_num_devices as get_num_devices
    from fastestimator_lite.backend.device import get_num_gpus as get_num_gpus
    from fastestimator_lite.backend.device import move_tensors_to_device as move_tensors_to_device
    from fastestimator_lite.util.context import NonContext as NonContext
    from fastestimator_lite.util.context import Suppressor as Suppressor
    from fastestimator_lite.util.context import Timer as Timer
    from fastestimator_lite.util.data import Data as Data
    from fastestimator_lite.util.files import is_valid_file as is_valid_file
    from fastestimator_lite.util.files import list_files as list_files
    from fastestimator_lite.util.log import draw as draw
    from fastestimator_lite.util.log import warn as warn
    from fastestimator_lite.util.names import check_ds_id as check_ds_id
    from fastestimator_lite.util.names import check_io_names as check_io_names
    from fastestimator_lite.util.names import filter_nones as filter_nones
    from fastestimator_lite.util.names import param_to_range as param_to_range
    from fastestimator_lite.util.names import parse_modes as parse_modes
    from fastestimator_lite.util.names import to_list as to_list
    from fastestimator_lite.util.names import to_set as to_set
    from fastestimator_lite.util.pad import pad_batch as pad_batch
    from fastestimator_lite.util.pad import pad_data as pad_data
    from fastestimator_lite.util.text import is_number as is_number
    from fastestimator_lite.util.text import parse_string_to_python as parse_string_to_python
    from fastestimator_lite.util.text import prettify_metric_name as prettify_metric_name
    from fastestimator_lite.util.text import strip_prefix as strip_prefix
    from fastestimator_lite.util.text import strip_suffix as strip_suffix
    from fastestimator_lite.util.tree import get_shape as get_shape
    from fastestimator_lite.util.tree import get_type as get_type
    from fastestimator_lite.util.values import DefaultKeyDict as DefaultKeyDict
    from fastestimator_lite.util.values import Flag as Flag
    from fastestimator_lite.util.values import IfElse as IfElse

__getattr__, __dir__, __all__ = attach(__name__, __file__)
