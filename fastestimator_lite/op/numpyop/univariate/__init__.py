"""NumpyOps on one key at a time."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.op.numpyop.albumentation.blur import Blur as Blur
    from fastestimator_lite.op.numpyop.albumentation.blur import Defocus as Defocus
    from fastestimator_lite.op.numpyop.albumentation.blur import GaussianBlur as GaussianBlur
    from fastestimator_lite.op.numpyop.albumentation.blur import MedianBlur as MedianBlur
    from fastestimator_lite.op.numpyop.albumentation.blur import MotionBlur as MotionBlur
    from fastestimator_lite.op.numpyop.albumentation.blur import ZoomBlur as ZoomBlur
    from fastestimator_lite.op.numpyop.albumentation.colour import ChannelDropout as ChannelDropout
    from fastestimator_lite.op.numpyop.albumentation.colour import ChannelShuffle as ChannelShuffle
    from fastestimator_lite.op.numpyop.albumentation.colour import ColorJitter as ColorJitter
    from fastestimator_lite.op.numpyop.albumentation.colour import HueSaturationValue as HueSaturationValue
    from fastestimator_lite.op.numpyop.albumentation.colour import RGBShift as RGBShift
    from fastestimator_lite.op.numpyop.albumentation.colour import ToGray as ToGray
    from fastestimator_lite.op.numpyop.albumentation.colour import ToSepia as ToSepia
    from fastestimator_lite.op.numpyop.albumentation.compression import Downscale as Downscale
    from fastestimator_lite.op.numpyop.albumentation.compression import ImageCompression as ImageCompression
    from fastestimator_lite.op.numpyop.albumentation.depth import FromFloat as FromFloat
    from fastestimator_lite.op.numpyop.albumentation.depth import InvertImg as InvertImg
    from fastestimator_lite.op.numpyop.albumentation.depth import Posterize as Posterize
    from fastestimator_lite.op.numpyop.albumentation.depth import Solarize as Solarize
    from fastestimator_lite.op.numpyop.albumentation.depth import ToFloat as ToFloat
    from fastestimator_lite.op.numpyop.albumentation.holes import CoarseDropout as CoarseDropout
    from fastestimator_lite.op.numpyop.albumentation.image_only import ImageOnlyAlbumentation as ImageOnlyAlbumentation
    from fastestimator_lite.op.numpyop.albumentation.light import CLAHE as CLAHE
    from fastestimator_lite.op.numpyop.albumentation.light import Equalize as Equalize
    from fastestimator_lite.op.numpyop.albumentation.light import RandomBrightnessContrast as RandomBrightnessContrast
    from fastestimator_lite.op.numpyop.albumentation.light import RandomGamma as RandomGamma
    from fastestimator_lite.op.numpyop.albumentation.noise import GaussianNoise as GaussianNoise
    from fastestimator_lite.op.numpyop.albumentation.noise import ISONoise as ISONoise
    from fastestimator_lite.op.numpyop.albumentation.noise import MultiplicativeNoise as MultiplicativeNoise
    from fastestimator_lite.op.numpyop.albumentation.reference import FDA as FDA
    from fastestimator_lite.op.numpyop.albumentation.reference import HistogramMatching as HistogramMatching
    from fastestimator_lite.op.numpyop.albumentation.reference import (
        PixelDistributionAdaptation as PixelDistributionAdaptation,
    )
    from fastestimator_lite.op.numpyop.albumentation.weather import RandomFog as RandomFog
    from fastestimator_lite.op.numpyop.albumentation.weather import RandomRain as RandomRain
    from fastestimator_lite.op.numpyop.albumentation.weather import RandomShadow as RandomShadow
    from fastestimator_lite.op.numpyop.albumentation.weather import RandomSnow as RandomSnow
    from fastestimator_lite.op.numpyop.albumentation.weather import RandomSunFlare as RandomSunFlare
    from fastestimator_lite.op.numpyop.univariate.autocontrast import AutoContrast as AutoContrast
    from fastestimator_lite.op.numpyop.univariate.binarize import Binarize as Binarize
    from fastestimator_lite.op.numpyop.univariate.brightness import Brightness as Brightness
    from fastestimator_lite.op.numpyop.univariate.calibrate import Calibrate as Calibrate
    from fastestimator_lite.op.numpyop.univariate.channel_transpose import ChannelTranspose as ChannelTranspose
    from fastestimator_lite.op.numpyop.univariate.color import Color as Color
    from fastestimator_lite.op.numpyop.univariate.contrast import Contrast as Contrast
    from fastestimator_lite.op.numpyop.univariate.expand_dims import ExpandDims as ExpandDims
    from fastestimator_lite.op.numpyop.univariate.hadamard import Hadamard as Hadamard
    from fastestimator_lite.op.numpyop.univariate.minmax import Minmax as Minmax
    from fastestimator_lite.op.numpyop.univariate.normalize import Normalize as Normalize
    from fastestimator_lite.op.numpyop.univariate.onehot import Onehot as Onehot
    from fastestimator_lite.op.numpyop.univariate.pad_sequence import PadSequence as PadSequence
    from fastestimator_lite.op.numpyop.univariate.random_shapes import RandomShapes as RandomShapes
    from fastestimator_lite.op.numpyop.univariate.read_image import ReadImage as ReadImage
    from fastestimator_lite.op.numpyop.univariate.reshape import Reshape as Reshape
    from fastestimator_lite.op.numpyop.univariate.rua import RUA as RUA
    from fastestimator_lite.op.numpyop.univariate.sharpness import Sharpness as Sharpness
    from fastestimator_lite.op.numpyop.univariate.shear_x import ShearX as ShearX
    from fastestimator_lite.op.numpyop.univariate.shear_y import ShearY as ShearY
    from fastestimator_lite.op.numpyop.univariate.to_array import ToArray as ToArray
    from fastestimator_lite.op.numpyop.univariate.tokenize import Tokenize as Tokenize
    from fastestimator_lite.op.numpyop.univariate.translate_x import TranslateX as TranslateX
    from fastestimator_lite.op.numpyop.univariate.translate_y import TranslateY as TranslateY
    from fastestimator_lite.op.numpyop.univariate.word_to_id import WordtoId as WordtoId

__getattr__, __dir__, __all__ = attach(__name__, __file__)
