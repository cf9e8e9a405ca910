"""Writes bpe.json: byte-level BPE trained and applied by Hugging Face's tokenizers (0.23).

Run by hand (needs tokenizers): python test/data/text/goldens/bpe.py
"""
import json
import os

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = os.path.dirname(__file__)
TEXTS = [
    "the cat sat on the mat; the cats' mats weren't matted, they're flat.",
    "aaaa aaa aa a aaaaaaaa  aaaa\n\n\taaaa   b",
    "日本語のテキスト、日本の言語。中文文本也在這裏：文本文本。",
    "naïve café — déjà vu! 🙂🙂🙃 👩‍👩‍👧 1234 123 12,345.67",
    "for (let i = 0; i < 10; i++) { total += i; }\r\n",
] * 3 + ["low lower lowest new newer newest wide wider widest"] * 5
PROBES = TEXTS[:5] + [
    "",
    " ",
    "   leading and trailing   ",
    "unseen words: slowest, newly-wed; 語本 🙃🙂 it'll 'S 'd",
    "a\u0085b\u00a0c\ufeffd\u2028e\u3000f",
    "x" * 50 + "aa" * 33,
    "e\u0301 \u0e01\u0e33 \u0661\u0662 ½ Ⅷ",
]


def trained(size, minimum, special):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=minimum,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


cases = []
for size, minimum, special in ((300, 2, []), (420, 2, ["<end>", "<pad>"]), (2000, 1, []), (2000, 4, ["<end>"])):
    tokenizer = trained(size, minimum, special)
    model = json.loads(tokenizer.to_str())
    cases.append(
        {
            "size": size,
            "minFrequency": minimum,
            "special": special,
            "merges": [list(merge) for merge in model["model"]["merges"]],
            "vocabulary": [t for t, _ in sorted(model["model"]["vocab"].items(), key=lambda entry: entry[1])],
            "ids": [tokenizer.encode(probe).ids for probe in PROBES],
        }
    )
    if size == 420:
        with open(os.path.join(HERE, "tokenizer.json"), "w", encoding="utf8") as out:
            out.write(tokenizer.to_str())
with open(os.path.join(HERE, "bpe.json"), "w", encoding="utf8") as out:
    json.dump({"texts": TEXTS, "probes": PROBES, "cases": cases}, out, ensure_ascii=True, separators=(",", ":"))
