"""Repositories that several families take data sets from."""

from seqgpt_jax.data.raw.sources import FilePattern, OnRequest, github

FEWCLUE_SPLITS = {"train": ("train_few_all.json",), "validation": ("dev_few_all.json",), "test": ("test_public.json",)}


def fewclue(task: str) -> FilePattern:
    """One task of FewCLUE, nine few-shot benchmarks in Chinese; its splits are `FEWCLUE_SPLITS`."""
    return github("CLUEbenchmark/FewCLUE", "62a02c6f31cf32814cfe522f78ef088228840f8d", f"datasets/{task}/{{}}")


def cblue(task: str, *files: str) -> OnRequest:
    """Files of one task of CBLUE, the Chinese biomedical benchmark; the labels of its test files are not published."""
    names = f"{', '.join(files[:-1])} and {files[-1]}"
    return OnRequest(
        "CBLUE on Alibaba Tianchi, tianchi.aliyun.com/dataset/95414",
        f"Sign the form, download and unpack CBLUE, and put {names} of {task} into the folder.",
    )


def polyai(folder: str) -> FilePattern:
    """Files of PolyAI's task-specific data sets."""
    return github("PolyAI-LDN/task-specific-datasets", "57ec275d8078af65b7731c2a98be812d844a6d6b", f"{folder}/{{}}")


SLU_SPLITS = {"train": ("train",), "validation": ("valid",), "test": ("test",)}


def slu(folder: str) -> FilePattern:
    """Lines of `word:tag`, collected by Zhao et al. (sz128); the splits are `SLU_SPLITS`."""
    return github(
        "sz128/slot_filling_and_intent_detection_of_SLU",
        "40f334417a93bcfd4bb3da2cf043ab13973ae695",
        f"data/{folder}/{{}}",
    )
