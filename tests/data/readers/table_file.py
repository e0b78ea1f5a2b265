"""A table of seven invented images, and a mapping of its columns."""

import copy
from typing import Any

CSV = """file,pid,sexe,race,vue,years,labels,edema,fold,dup,origin
a/0.png,p0,Female,WHITE,AP,058Y,Mass|Effusion,yes,tr,,site1
a/1.png,p0,Female,WHITE,PA,58,No Finding,no,tr,,site1
a/2.png,p1,Male,BLACK/CARIBBEAN ISLAND,AP,,Mass,maybe,va,,site1
a/3.png,p2,Male,DECLINED,PA,6M,,,te,,site1
a/4.png,p3,,ASIAN,PA,30.5,Effusion,no,te,,site1
a/5.png,p4,Male,ASIAN,PA,30,Effusion,no,te,a/4.png,site1
a/6.png,p5,Male,ASIAN,PA,30,Effusion,no,te,,site2
"""
MAPPING: dict[str, Any] = {
    "name": "tiny",
    "images": {"root": "pictures"},
    "keep": [{"column": "origin", "equals": "site1"}, {"column": "dup", "empty": True}],
    "image_id": {"column": "file", "stem": True},
    "patient_id": "pid",
    "study_id": {"template": "{pid}-{vue}"},
    "image_path": "file",
    "view": {"template": "frontal"},
    "age": "years",
    "split": {"column": "fold", "map": {"tr": "train", "va": "val", "te": "test"}},
    "attributes": {
        "sex": {"column": "sexe", "groups": ["F", "M"], "map": {"Female": "F", "Male": "M"}},
        "race": {
            "column": "race",
            "groups": ["Asian", "Black", "White"],
            "map": {"WHITE": "White", "BLACK/CARIBBEAN ISLAND": "Black", "ASIAN": "Asian", "DECLINED": ""},
        },
    },
    "findings": {"Edema": {"column": "edema", "map": {"yes": 1, "no": 0, "maybe": -1}}},
    "labels": {"column": "labels", "findings": {"Mass": ["Mass"], "Any": ["Mass", "Effusion"]}},
}


def changed(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(MAPPING) | changes
