"""ID: what the speaker of an English utterance wants."""

from seqgpt_jax.data.raw.sources import Files, HuggingFace, Remote, github
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.intents import nested_splits
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import spelled_out
from seqgpt_jax.tasks.readers.parallel import parallel, split_folders
from seqgpt_jax.tasks.readers.record import reader

# NLU++ writes several words, and two spelling errors, into one code; the other codes are words.
NLUPP_INTENTS = {
    "accesibility": "accessibility",
    "cancel_close_leave_freeze": "cancel or close",
    "dont_know": "don't know",
    "end_call": "end call",
    "fees_interests": "fees or interests",
    "less_lower_before": "less or lower or before",
    "lost_stolen": "lost or stolen",
    "make_open_apply_setup_get_activate": "make or open or activate",
    "more_higher_after": "more or higher or after",
    "room_ammenities": "room amenities",
    "transfer_payment_deposit": "transfer or payment or deposit",
    "wrong_notworking_notshowing": "wrong or not working",
}
MTOP_COLUMNS = ("id", "intent", "slots", "utterance", "domain", "locale", "dcp_form", "tokens")
ATIS_DIGESTS = {
    "train/seq.in": "3a670980841b21ab39088b2595efc17d487cdc45769c075a3e5f9458bba28c7f",
    "train/label": "d0a771547665eecbdf9f96ea015ef07d1f6ee9f063e861020dafabb3c2a04377",
    "valid/seq.in": "c7435b96e7948393608c34819628e863c5338f11ca68e8f896d2cc041d8e17f8",
    "valid/label": "06957cfe6fdffac84f8280bc3a1f8ca85c85631b363817aa4543aac611f8addf",
    "test/seq.in": "4b2119fc59c37f9398c6605db435d4f467505009e6ee3e5af04fed09f39dc397",
    "test/label": "ce4bfe6590d9498e1078f30b4137d3e8b3e94277b444b26360c0bf2e9e282761",
}
SNIPS_DIGESTS = {
    "train/seq.in": "04ad1e3f2121d83c6478f9a4b17d2dbdc21d06d6127f73cb7af835ed733f9855",
    "train/label": "bfd7df6cf9dd76c5da5d8b61bc85f90386197bdd3d7510c1d324c051537b962f",
    "valid/seq.in": "64e0f6d8ad8aab3a3828164d7d53731a0993d3ca1aed437ceaca6d3d568d410e",
    "valid/label": "9c1dd041216f647bcfca838aaf1a48eb5781e4404256d31ff07cd38a5436c52f",
    "test/seq.in": "c1e341173fcea2951a8ca371956a6f81c76de87b9583c62eb87edd6158fa3a7c",
    "test/label": "37a26da3ad079bb41c42c85a3a8f827eb47efec4c5917ce5d08f4b2736e4f830",
}

_SLOT_GATED = ("MiuLab/SlotGated-SLU", "61f0307c729b1fad479ef1de94aa5ac5dee601b0")
_MTOP = {
    "language": "en",
    "atom": "cls",
    "splits": {"train": ("en/train.txt",), "validation": ("en/eval.txt",), "test": ("en/test.txt",)},
    "exclusive": True,
    "source": Files(
        {
            f"en/{name}.txt": Remote("https://dl.fbaipublicfiles.com/mtop/mtop.zip", member=f"mtop/en/{name}.txt")
            for name in ("train", "eval", "test")
        }
    ),
    "licence": "CC BY-SA 4.0",
    "citation": "Li et al. 2021, EACL",
    "verified": "schema",
    "sizes": {"train": 15667, "validation": 2235, "test": 4386},
}


def utterance_files(dataset: str, sha256: dict[str, str]) -> Files:
    """The text and intent files of ATIS and SNIPS."""
    return github(*_SLOT_GATED, {name: f"data/{dataset}/{name}" for name in sha256}, sha256=sha256)


def hint3(bot: str) -> TaskSpec:
    """One of the bots of HINT3; only the test part has utterances that none of its intents fits."""
    commits = {"train": "9d6b72d8cfd2665c495dc2c300c307f2a69e2f3e"}
    # The test file of this one was corrected later.
    commits["test"] = "de3f131341f6ec1e2e5b15887da21c4e9ee4478f" if bot == "powerplay11" else commits["train"]
    files = {split: f"{split}/{bot}_{split}.csv" for split in commits}
    base = "https://raw.githubusercontent.com/hellohaptik/HINT3"
    return TaskSpec(
        name=f"hint3.{bot}",
        family="ID",
        language="en",
        atom="cls",
        splits={split: (name,) for split, name in files.items()},
        read=reader(
            delimited(",", quoted=True),
            labelled(
                "sentence", "label", lambda code: "out of scope" if code == "NO_NODES_DETECTED" else spelled_out(code)
            ),
        ),
        exclusive=True,
        source=Files({name: Remote(f"{base}/{commits[split]}/dataset/v2/{name}") for split, name in files.items()}),
        licence="ODbL-1.0",
        citation="Arora et al. 2020, Insights workshop",
        verified="schema",
    )


def nlupp(domain: str) -> TaskSpec:
    """One domain of NLU++, in its `large` setting: 19 of the 20 folds to train on, the last two for us to measure."""
    folds = [f"{domain}/fold{number}.json" for number in range(20)]
    return TaskSpec(
        name=f"nlupp.{domain}_intents",
        family="ID",
        language="en",
        atom="cls",
        splits={"train": tuple(folds[:18]), "validation": (folds[18],), "test": (folds[19],)},
        # Utterances without intents have no field `intents`.
        read=reader(
            json_list(),
            found_labels(
                "text", lambda row: [NLUPP_INTENTS.get(code) or spelled_out(code) for code in row.get("intents", ())]
            ),
        ),
        source=github(
            "PolyAI-LDN/task-specific-datasets",
            "57ec275d8078af65b7731c2a98be812d844a6d6b",
            {name: f"nlupp/data/{name}" for name in folds},
        ),
        licence="CC BY 4.0",
        citation="Casanueva et al. 2022, NAACL Findings",
        verified="schema",
    )


TASKS = (
    TaskSpec(
        name="banking77",
        family="ID",
        language="en",
        atom="cls",
        splits={"train": ("train.csv",), "test": ("test.csv",)},
        read=reader(delimited(",", quoted=True), labelled("text", "category", spelled_out)),
        held_out=True,
        exclusive=True,
        source=github(
            "PolyAI-LDN/task-specific-datasets",
            "57ec275d8078af65b7731c2a98be812d844a6d6b",
            {name: f"banking_data/{name}" for name in ("train.csv", "test.csv")},
            sha256={
                "train.csv": "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
                "test.csv": "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d",
            },
        ),
        licence="CC BY 4.0",
        citation="Casanueva et al. 2020, NLP4ConvAI",
        verified="files",
        sizes={"train": 10003, "test": 3080},
    ),
    TaskSpec(
        name="clinc150",
        family="ID",
        language="en",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("data_small.json",)),
        read=nested_splits(
            {"train": ("train", "oos_train"), "validation": ("val", "oos_val"), "test": ("test", "oos_test")},
            lambda code: "out of scope" if code == "oos" else spelled_out(code),
        ),
        exclusive=True,
        source=github(
            "clinc/oos-eval",
            "828f8093932c8fe6ca7936c3d2e52903b1c523de",
            {"data_small.json": "data/data_small.json"},
            sha256={"data_small.json": "050e17476e6b4fa88f8518edaf09921c8f5e3a86dc8b63615361102a20b2ac01"},
        ),
        licence="CC BY 3.0",
        citation="Larson et al. 2019, EMNLP",
        verified="files",
        sizes={"train": 7600, "validation": 3100, "test": 5500},
    ),
    TaskSpec(
        name="atis.intent",
        family="ID",
        language="en",
        atom="cls",
        splits=split_folders("seq.in", "label"),
        read=reader(
            parallel("text", "label"),
            labelled("text", "label", lambda code: spelled_out(code.removeprefix("atis_")), separator="#"),
        ),
        source=utterance_files("atis", ATIS_DIGESTS),
        licence="ATIS (LDC): research",
        citation="Hemphill et al. 1990, HLT; Goo et al. 2018, NAACL",
        verified="files",
        sizes={"train": 4478, "validation": 500, "test": 893},
    ),
    TaskSpec(
        name="snips.intent",
        family="ID",
        language="en",
        atom="cls",
        splits=split_folders("seq.in", "label"),
        read=reader(parallel("text", "label"), labelled("text", "label", spelled_out)),
        exclusive=True,
        source=utterance_files("snips", SNIPS_DIGESTS),
        licence="CC0-1.0",
        citation="Coucke et al. 2018, arXiv 1805.10190; Goo et al. 2018, NAACL",
        verified="files",
        sizes={"train": 13084, "validation": 700, "test": 700},
    ),
    TaskSpec(
        name="mtop.intent",
        family="ID",
        read=reader(
            delimited("\t", columns=MTOP_COLUMNS),
            labelled("utterance", "intent", lambda code: spelled_out(code.removeprefix("IN:"))),
        ),
        **_MTOP,
    ),
    TaskSpec(
        name="mtop.domain",
        family="CLS",
        read=reader(delimited("\t", columns=MTOP_COLUMNS), labelled("utterance", "domain", spelled_out)),
        **_MTOP,
    ),
    hint3("curekart"),
    hint3("powerplay11"),
    nlupp("banking"),
    nlupp("hotels"),
    TaskSpec(
        name="bitext_support",
        family="ID",
        language="en",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("train.jsonl",)),
        read=reader(jsonl(), labelled("instruction", "intent", spelled_out), split_key=lambda row: row["instruction"]),
        exclusive=True,
        source=HuggingFace("bitext/Bitext-customer-support-llm-chatbot-training-dataset", splits={"train": "train"}),
        licence="CDLA-Sharing-1.0",
        citation="Bitext 2023, huggingface.co",
        verified="schema",
    ),
)
