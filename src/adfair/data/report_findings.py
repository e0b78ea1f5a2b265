def stated_findings(reports, findings):
    import numpy as np

    return np.stack([[float(f.lower().split()[-1] in r.lower()) for f in findings] for r in reports]).astype(
        "float32"
    )
