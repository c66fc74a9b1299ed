"""
Texts as sets of token embeddings
=================================

A classifier of short news stories by the token vectors of a language model, compared
with the mean of these vectors, and the words that decided.

A language model gives one vector per token. The usual vector of a text is their mean; a
Fisher vector keeps more of how they are distributed. Does that help? Not here: both
find the topics equally well.
"""

# %%
# Token vectors
# -------------
# The model is all-MiniLM-L6-v2, which many use for search, as an ONNX file of 8-bit
# weights that runs on the CPU. The texts are news stories of Reuters from 1987
# (Reuters-21578, the split R8) on eight topics, without capitals, digits and
# punctuation; they may be used for research. Of each we take the first 32 tokens: the
# title, and the beginning of the first sentence.

import numpy as np
from gallery_data import reuters, token_model
from onnxruntime import InferenceSession
from tokenizers import Tokenizer

model_path, tokenizer_path = token_model()
session = InferenceSession(model_path, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(str(tokenizer_path))
tokenizer.enable_truncation(32)
tokenizer.enable_padding()


def embedded(texts, at_once=16):
    """One array of shape (n_tokens, 384) per text."""
    sets = []
    for start in range(0, len(texts), at_once):
        encodings = tokenizer.encode_batch(texts[start : start + at_once])
        ids = np.array([encoding.ids for encoding in encodings])
        mask = np.array([encoding.attention_mask for encoding in encodings])
        inputs = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(ids),
        }
        (vectors,) = session.run(None, inputs)
        # Shorter texts were filled up to the longest; their sets end where they end.
        sets += [
            x[:n_tokens] for x, n_tokens in zip(vectors, mask.sum(axis=1), strict=True)
        ]
    return sets


train_texts, train_topics = reuters("train", per_topic=60)
test_texts, test_topics = reuters("test", per_topic=60)
train, test = embedded(train_texts), embedded(test_texts)
print(
    f"{len(train)} texts for training, {len(test)} for the test; "
    f"the first has shape {train[0].shape}"
)

# %%
# Three vectors of a text
# -----------------------
# The mean (of length 1, as the model was trained to have it), the mean and the standard
# deviation, and the Fisher vector. All have the same classifier, a ridge regression
# whose penalty is chosen on the training texts. So is the number of components, by
# cross-validation.

from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler

from fishervec import FisherVector, Pooling


def means(sets):
    return np.array([x.mean(axis=0) for x in sets])


ridge = RidgeClassifierCV(alphas=np.logspace(-2, 3, 6))
models = {
    "mean": make_pipeline(FunctionTransformer(means), Normalizer(), ridge),
    "mean and deviation": make_pipeline(Pooling(), StandardScaler(), ridge),
    "Fisher vector": GridSearchCV(
        make_pipeline(FisherVector(pca=64, random_state=0), ridge),
        {"fishervector__n_components": [4, 8]},
        cv=3,
    ),
}
right = {}
for name, model in models.items():
    model.fit(train, train_topics)
    right[name] = model.predict(test) == test_topics
    error = right[name].std() / np.sqrt(len(test))
    print(f"{name:<19} {right[name].mean():.1%} ± {error:.1%} (standard error)")
print("Chosen:", models["Fisher vector"].best_params_)

# %%
# The texts are the same, so compare them text by text: how many does only one of the
# two get right?

only = [
    (right[a] & ~right[b]).sum()
    for a, b in [("Fisher vector", "mean"), ("mean", "Fisher vector")]
]
print(f"Only the Fisher vector is right: {only[0]} texts; only the mean: {only[1]}")

# %%
# By the number of texts to learn from
# ------------------------------------
# With the first 5, 15, 30 or 60 texts of each topic, always with 4 components, and
# always the same test. With few texts the Fisher vector is behind: there are more
# numbers to weigh, and mixture and projection are learned from these texts too.

import matplotlib.pyplot as plt

models["Fisher vector"] = make_pipeline(FisherVector(4, pca=64, random_state=0), ridge)
order_in_topic = np.array(
    [np.sum(train_topics[:i] == topic) for i, topic in enumerate(train_topics)]
)
counts = [5, 15, 30, 60]
figure, ax = plt.subplots(layout="constrained")
for (name, model), marker in zip(models.items(), "sDo", strict=True):
    scores = []
    for count in counts:
        few = np.flatnonzero(order_in_topic < count)
        model.fit([train[i] for i in few], train_topics[few])
        scores.append(100 * model.score(test, test_topics))
    color = "C0" if name == "Fisher vector" else ("C1" if name == "mean" else "C4")
    ax.plot(counts, scores, marker=marker, color=color, label=name)
ax.set(
    xlabel="training texts per topic",
    xticks=counts,
    ylabel="right, %",
    title=f"Topics of {len(test)} news stories",
)
ax.grid(axis="y")
ax.legend()
plt.show()

# %%
# Which words decided?
# --------------------
# The share of each token in the score of a topic, for the text that is taken for it
# most surely. A token's vector knows its neighbours, so a share belongs to a word in
# its context.

from fishervec import plot

encoder, classifier = models["Fisher vector"]
crude = list(classifier.classes_).index("crude")
i = int(models["Fisher vector"].decision_function(test)[:, crude].argmax())
(shares,) = encoder.contributions(test[i : i + 1], classifier)
tokens = [token for token in tokenizer.encode(test_texts[i]).tokens if token != "[PAD]"]
figure, ax = plt.subplots(figsize=(7.2, 4), layout="constrained")
plot.contributions(shares[:, crude], ax=ax)
ax.set_xticks(range(len(tokens)), tokens, rotation=90, fontsize="small")
ax.set(xlabel="", title=f"What speaks for crude (oil) in a text on {test_topics[i]}")
plt.show()

# %%
# When to take which
# ------------------
# The model was trained so that the mean of its tokens is good, and the mean is the
# shorter vector: take it first. The differences above are within what chance does with
# 406 texts. Where a text has several subjects, or where the vectors come from a model
# that was not trained for means, a Fisher vector may do better: that is not shown here.
# Measure it.

# %%
# What to try next
# ----------------
# * Both: ``sklearn.pipeline.make_union`` of the mean and of the Fisher vector.
# * Longer texts: ``tokenizer.enable_truncation(256)``; parts of texts as sets, and the
#   document as a group (``groups=``).
# * Vectors in Parquet, one list of token vectors per row:
#   ``open_sets("documents.parquet", id="doc_id")``.
