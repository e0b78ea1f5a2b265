"""The adapters there are, and what file each wants. No torch here: ``adfair models`` is quick."""

import re
from dataclasses import dataclass

BERT = "and vocab.txt of emilyalsentzer/Bio_ClinicalBERT in bert/ beside it"
MIMIC, CHEXPERT, NIH, PADCHEST = "MIMIC-CXR", "CheXpert", "ChestX-ray14", "PadChest"


@dataclass(frozen=True)
class About:
    """One adapter.

    Attributes:
        file: what PATH must be. where: where its authors put it. licence: of the weights.
        trained_on: data sets whose images or reports the published weights have seen; empty: yours to know.
        preprocessing: from the film to the tower. protocol: zero-shot protocol of the authors.
        loader: ``module:function`` within the adapters.
    """

    file: str
    where: str
    licence: str
    trained_on: tuple[str, ...]
    preprocessing: str
    protocol: str
    loader: str


ADAPTERS: dict[str, About] = {
    "adfair": About(
        "a run folder, or the output of erase or adapt",
        "adfair train",
        "yours",
        (),
        "central square, bicubic; mean 0.5, spread 0.25",
        "ours",
        "run:load",
    ),
    "open_clip": About(
        "a folder with open_clip_config.json and weights; hf_model_name in it a local folder",
        "huggingface.co: microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224, yyupenn/whyxrayclip",
        "MIT (both)",
        (),
        "as its preprocess_cfg says",
        "ours",
        "openclip:load",
    ),
    "transformers": About(
        "a folder of a CLIPModel or SiglipModel with preprocessor_config.json and tokenizer",
        "huggingface.co: StanfordAIMI/XrayCLIP__vit-b-16__laion2b-s34b-b88k",
        "CC BY-NC 4.0 (XrayCLIP)",
        (MIMIC, CHEXPERT, PADCHEST),
        "as its preprocessor_config.json says, with Pillow's filters",
        "ours",
        "huggingface:load",
    ),
    "chexzero": About(
        "one .pt of CheXzero",
        "Google Drive, linked from github.com/rajpurkarlab/CheXzero",
        "see the repository",
        (MIMIC,),
        "padded to 320 (Lanczos), levels 0-255: mean 101.48761, spread 83.43944, then 224 bicubic",
        "chexzero",
        "chexzero:load",
    ),
    "medclip": About(
        f"pytorch_model.bin (Swin or ResNet), {BERT}",
        "Google Cloud, linked from github.com/RyanWangZf/MedCLIP",
        "see the repository",
        (MIMIC, CHEXPERT),
        "padded to a square, 224 bilinear; mean 0.58628, spread 0.27950",
        "medclip",
        "medclip:load",
    ),
    "gloria": About(
        f"chexpert_resnet50.ckpt, {BERT}",
        "Stanford Box, linked from github.com/marshuang80/gloria",
        "see the repository",
        (CHEXPERT,),
        "longer side 256 (area), padded, central 224, mean 0.5, spread 0.5; enlarged to 299 inside",
        "gloria",
        "gloria:load",
    ),
    "cxr_clip": About(
        f"r50_*.tar or swint_*.tar, {BERT}",
        "twg.kakaocdn.net, linked from github.com/kakaobrain/cxr-clip",
        "CC BY-NC 4.0",
        (MIMIC, CHEXPERT, NIH),
        "shorter side 224 bilinear, central square; ImageNet's mean and spread (ResNet) or 0.5 and 0.5 (Swin)",
        "cxr_clip",
        "cxr_clip:load",
    ),
    "biovil": About(
        "the hub's folder with the image tower's .pt, the text tower's weights, config.json and vocab.txt",
        "huggingface.co: microsoft/BiomedVLP-CXR-BERT-specialized (BioViL), microsoft/BiomedVLP-BioViL-T",
        "MIT",
        (MIMIC,),
        "levels stretched to 0-255, shorter side 512 bilinear, central 480 (BioViL) or 448 (BioViL-T), no mean",
        "biovil",
        "biovil:load",
    ),
    "torchvision": About(
        "a folder with weights and config.json: architecture, label_names, resize, crop, mean, std",
        "yours",
        "yours",
        (),
        "shorter side 256 bilinear, central 224, ImageNet's mean and spread, unless config.json says otherwise",
        "own classes",
        "classifier:load_torchvision",
    ),
    "timm": About(
        "a folder of timm: weights and config.json, label_names added",
        "huggingface.co/timm, or yours",
        "of each model",
        (),
        "as its pretrained_cfg says",
        "own classes",
        "classifier:load_timm",
    ),
    "torchxrayvision": About(
        "the state_dict of a DenseNet, saved with safetensors or torch.save",
        "github.com/mlmed/torchxrayvision",
        "Apache-2.0",
        (NIH, PADCHEST, CHEXPERT, MIMIC, "Google", "OpenI", "RSNA"),
        "central square, 224 (Gaussian blur, linear), one channel from -1024 to 1024",
        "own classes",
        "xrayvision:load",
    ),
    "precomputed": About(
        ".npz with image_id and image_emb; for zero-shot also text and text_emb",
        "yours",
        "yours",
        (),
        "none",
        "ours",
        "precomputed:load",
    ),
}


def seen_in_training(name: str, *cohort: str) -> str:
    """A warning where a cohort's name or source is a data set that the published weights were trained on, else ''."""
    words = ["".join(filter(str.isalnum, each)).lower() for each in cohort]
    words += [each for text in cohort for each in re.findall(r"[a-z0-9]+", text.lower())]
    about = ADAPTERS.get(name.removesuffix("_t"))
    aliases = {NIH: ("chestxray14", "nih"), MIMIC: ("mimic",), CHEXPERT: ("chexpert",)}
    for data in about.trained_on if about else ():
        keys = aliases.get(data, (data.lower(),))
        # A short name stands by itself: 'nih' is no part of 'minihospital'.
        if any(key == word or (len(key) > 4 and key in word) for key in keys for word in words):
            who = "XrayCLIP, if this is XrayCLIP," if name == "transformers" else name
            return (
                f"{who} as published was trained on {data}: on images or patients of its training set the figures "
                "are too good. Use a split that its authors held out"
            )
    return ""
