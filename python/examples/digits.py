"""Handwritten digits in 15 lines: patches of 4 x 4 pixels are the descriptors, an image is a set of 25."""

from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from fishervec import FisherVector, Pooling

images, labels = load_digits(return_X_y=True)
sets = sliding_window_view(images.reshape(-1, 8, 8), (4, 4), axis=(1, 2)).reshape(-1, 25, 16)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
for encoder in (FisherVector(32, pca=8, random_state=0), Pooling(pca=16)):
    model = make_pipeline(encoder, LinearSVC(C=10))
    print(f"{type(encoder).__name__:<14} {cross_val_score(model, sets, labels, cv=folds).mean():.2%}")
