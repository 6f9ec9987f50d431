"""Functions on arrays and models that work in numpy, PyTorch and TensorFlow alike."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.backend.convert import cast as cast
    from fastestimator_lite.backend.convert import convert_tensor_precision as convert_tensor_precision
    from fastestimator_lite.backend.convert import get_batch_size as get_batch_size
    from fastestimator_lite.backend.convert import to_number as to_number
    from fastestimator_lite.backend.convert import to_shape as to_shape
    from fastestimator_lite.backend.convert import to_tensor as to_tensor
    from fastestimator_lite.backend.convert import to_type as to_type
    from fastestimator_lite.backend.create import ones_like as ones_like
    from fastestimator_lite.backend.create import random_normal_like as random_normal_like
    from fastestimator_lite.backend.create import random_uniform_like as random_uniform_like
    from fastestimator_lite.backend.create import zeros_like as zeros_like
    from fastestimator_lite.backend.device import cpu_count as cpu_count
    from fastestimator_lite.backend.device import detach_tensors as detach_tensors
    from fastestimator_lite.backend.device import get_device as get_device
    from fastestimator_lite.backend.device import get_num_devices as get_num_devices
    from fastestimator_lite.backend.device import get_num_gpus as get_num_gpus
    from fastestimator_lite.backend.device import move_tensors_to_device as move_tensors_to_device
    from fastestimator_lite.backend.elementwise import abs as abs
    from fastestimator_lite.backend.elementwise import check_nan as check_nan
    from fastestimator_lite.backend.elementwise import clip_by_value as clip_by_value
    from fastestimator_lite.backend.elementwise import exp as exp
    from fastestimator_lite.backend.elementwise import maximum as maximum
    from fastestimator_lite.backend.elementwise import pow as pow
    from fastestimator_lite.backend.elementwise import sign as sign
    from fastestimator_lite.backend.elementwise import tensor_pow as tensor_pow
    from fastestimator_lite.backend.elementwise import tensor_round as tensor_round
    from fastestimator_lite.backend.elementwise import tensor_sqrt as tensor_sqrt
    from fastestimator_lite.backend.elementwise import where as where
    from fastestimator_lite.backend.framework import framework_of as framework_of
    from fastestimator_lite.backend.framework import is_tensor as is_tensor
    from fastestimator_lite.backend.loss import binary_crossentropy as binary_crossentropy
    from fastestimator_lite.backend.loss import categorical_crossentropy as categorical_crossentropy
    from fastestimator_lite.backend.loss import focal_loss as focal_loss
    from fastestimator_lite.backend.loss import hinge as hinge
    from fastestimator_lite.backend.loss import huber as huber
    from fastestimator_lite.backend.loss import l1_loss as l1_loss
    from fastestimator_lite.backend.loss import mean_squared_error as mean_squared_error
    from fastestimator_lite.backend.loss import smooth_l1_loss as smooth_l1_loss
    from fastestimator_lite.backend.loss import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from fastestimator_lite.backend.model import feed_forward as feed_forward
    from fastestimator_lite.backend.model import get_gradient as get_gradient
    from fastestimator_lite.backend.model import get_lr as get_lr
    from fastestimator_lite.backend.model import load_model as load_model
    from fastestimator_lite.backend.model import save_model as save_model
    from fastestimator_lite.backend.model import set_lr as set_lr
    from fastestimator_lite.backend.model import update_model as update_model
    from fastestimator_lite.backend.model import watch as watch
    from fastestimator_lite.backend.overlap import dice_score as dice_score
    from fastestimator_lite.backend.penalty import l2_regularization as l2_regularization
    from fastestimator_lite.backend.reduce import argmax as argmax
    from fastestimator_lite.backend.reduce import percentile as percentile
    from fastestimator_lite.backend.reduce import reduce_max as reduce_max
    from fastestimator_lite.backend.reduce import reduce_mean as reduce_mean
    from fastestimator_lite.backend.reduce import reduce_min as reduce_min
    from fastestimator_lite.backend.reduce import reduce_std as reduce_std
    from fastestimator_lite.backend.reduce import reduce_sum as reduce_sum
    from fastestimator_lite.backend.resize import resize_3d as resize_3d
    from fastestimator_lite.backend.shape import concat as concat
    from fastestimator_lite.backend.shape import expand_dims as expand_dims
    from fastestimator_lite.backend.shape import flip as flip
    from fastestimator_lite.backend.shape import gather as gather
    from fastestimator_lite.backend.shape import gather_from_batch as gather_from_batch
    from fastestimator_lite.backend.shape import get_image_dims as get_image_dims
    from fastestimator_lite.backend.shape import get_shape as get_shape
    from fastestimator_lite.backend.shape import permute as permute
    from fastestimator_lite.backend.shape import reshape as reshape
    from fastestimator_lite.backend.shape import roll as roll
    from fastestimator_lite.backend.shape import squeeze as squeeze
    from fastestimator_lite.backend.shape import transpose as transpose
    from fastestimator_lite.backend.special import iwd as iwd
    from fastestimator_lite.backend.special import lambertw as lambertw
    from fastestimator_lite.backend.special import matmul as matmul
    from fastestimator_lite.backend.special import normalize as normalize
    from fastestimator_lite.backend.special import zscore as zscore

__getattr__, __dir__, __all__ = attach(__name__, __file__)
