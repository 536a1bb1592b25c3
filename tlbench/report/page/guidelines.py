"""The items of three reporting guidelines, in our own words, and which facts answer them.

An item is (number, topic, names of facts, what authors have to add). The names are those of
`tlbench.report.page.facts.list_facts`; without any, authors supply all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

Item = tuple[str, str, tuple[str, ...], str]
ALL = "author to supply"


@dataclass(frozen=True)
class Guideline:
    """A published checklist: its `name`, what it is for, its `citation` and its items."""

    name: str
    scope: str
    citation: str
    items: tuple[Item, ...]


CLAIM = Guideline(
    "CLAIM 2024",
    "artificial intelligence in medical imaging",
    "Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical "
    "Imaging (CLAIM): 2024 update. Radiol Artif Intell 2024;6(4):e240300. doi:10.1148/ryai.240300",
    (
        ("1", "Title: that it is about AI, and of which kind", ("method",), "the title"),
        ("2", "Abstract", (), ALL),
        ("3", "Background, intended use, clinical role", (), ALL),
        ("4", "Aims and hypotheses", (), ALL),
        ("5", "Prospective or retrospective", (), ALL),
        ("6", "Goal of the study", (), ALL),
        ("7", "Sources of data", ("source",), ""),
        ("8", "Inclusion and exclusion", ("selection",), "criteria for patients"),
        ("9", "Preprocessing", ("preprocessing",), ""),
        ("10", "Selection of subsets", ("selection",), ""),
        ("11", "De-identification", (), ALL),
        ("12", "Missing data", ("missing",), "missing labels"),
        ("13", "How images were acquired", (), ALL),
        ("14", "Reference standard: how it was obtained", (), ALL),
        ("15", "Reference standard: why this one", (), ALL),
        ("16", "Who annotated", (), ALL),
        ("17", "Annotation of the test set", (), ALL),
        ("18", "Variability between and within annotators", (), ALL),
        ("19", "How data were assigned to partitions", ("partitions", "protocol"), ""),
        ("20", "Level at which partitions are disjoint", ("disjoint",), ""),
        ("21", "Intended size of the testing data", ("size",), "how it was planned"),
        ("22", "Model in detail", ("model", "preprocessing", "output"), ""),
        ("23", "Software with versions", ("software",), ""),
        ("24", "Where parameters start from", ("weights",), ""),
        ("25", "Training in detail", ("protocol", "selected"), ""),
        ("26", "How the final model was selected", ("selected",), ""),
        ("27", "Ensembles", ("one_network",), ""),
        ("28", "Measures of performance", ("metrics", "cutoff"), "why these"),
        ("29", "Uncertainty and significance", ("uncertainty",), ""),
        ("30", "Robustness or sensitivity analysis", ("seeds", "controls"), "other analyses"),
        ("31", "Explainability", ("heat_maps",), "whether such maps were validated"),
        ("32", "Evaluation on internal data", ("internal", "performance"), ""),
        (
            "33",
            "Testing on external data",
            ("same_source",),
            "external testing, or why there is none",
        ),
        ("34", "Registration of a clinical trial", (), ALL),
        (
            "35",
            "Numbers included and excluded",
            ("selection", "missing", "partitions"),
            "a diagram",
        ),
        ("36", "Demographic and clinical characteristics", (), ALL),
        ("37", "Performance with its uncertainty", ("performance",), "subgroups"),
        ("38", "Diagnostic accuracy with its precision", ("performance", "counts"), ""),
        ("39", "Analysis of failures", ("counts", "cases"), "what they have in common"),
        ("40", "Limitations", (), ALL),
        ("41", "Implications for practice", (), ALL),
        ("42", "Where the full protocol stands", ("protocol",), "the study's own protocol"),
        (
            "43",
            "Availability of software, model and data",
            ("code", "files"),
            "where they can be had",
        ),
        ("44", "Funding", (), ALL),
    ),
)

TRIPOD_AI = Guideline(
    "TRIPOD+AI",
    "clinical prediction models by regression or machine learning",
    "Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement: updated guidance for reporting "
    "clinical prediction models that use regression or machine learning methods. BMJ "
    "2024;385:e078378. doi:10.1136/bmj-2023-078378",
    (
        ("1", "Title", (), ALL),
        ("2", "Abstract", (), ALL),
        ("3a", "Healthcare context and rationale", (), ALL),
        ("3b", "Target population, purpose and users", (), ALL),
        ("3c", "Known health inequalities", (), ALL),
        ("4", "Objectives", (), ALL),
        ("5a", "Sources of data", ("source",), "why these, and whom they represent"),
        ("5b", "Dates of the data", (), ALL),
        ("6a", "Setting and centres", (), ALL),
        ("6b", "Eligibility of participants", ("selection",), "criteria for patients"),
        ("6c", "Treatments", (), ALL),
        (
            "7",
            "Preparation and quality of data",
            ("preprocessing", "missing"),
            "whether alike in all groups",
        ),
        ("8a", "Outcome and how it was assessed", (), ALL),
        ("8b", "Who assessed the outcome", (), ALL),
        ("8c", "Blinding of the outcome's assessment", (), ALL),
        ("9a", "Choice of predictors", ("predictors",), ""),
        (
            "9b",
            "Definition of predictors",
            ("predictors", "preprocessing"),
            "when images were taken",
        ),
        ("9c", "Who assessed predictors", (), ALL),
        ("10", "Study size", ("size", "partitions"), "why it suffices"),
        ("11", "Missing data", ("missing",), "missing labels"),
        ("12a", "How data were used and partitioned", ("partitions", "disjoint"), ""),
        ("12b", "How predictors were handled", ("protocol",), ""),
        ("12c", "Type of model, building and tuning", ("method", "protocol", "selected"), ""),
        ("12d", "Heterogeneity across clusters", (), ALL),
        ("12e", "Measures and plots of performance", ("metrics", "uncertainty"), "why these"),
        ("12f", "Updating of the model", (), ALL),
        ("12g", "How predictions were calculated", ("output", "files"), ""),
        ("13", "Class imbalance", ("classes", "protocol"), ""),
        ("14", "Fairness", (), ALL),
        ("15", "Output and thresholds", ("output", "cutoff"), ""),
        ("16", "Differences of development and evaluation data", ("same_source", "classes"), ""),
        ("17", "Ethical approval", (), ALL),
        ("18a", "Funding", (), ALL),
        ("18b", "Conflicts of interest", (), ALL),
        ("18c", "Protocol of the study", (), ALL),
        ("18d", "Registration", (), ALL),
        ("18e", "Availability of data", ("source",), "restrictions"),
        ("18f", "Availability of code", ("code",), "code of your own"),
        ("19", "Involvement of patients and public", (), ALL),
        ("20a", "Flow of participants", ("selection", "partitions"), "a diagram"),
        ("20b", "Characteristics of participants", (), ALL),
        ("20c", "Comparison with the development data", ("classes",), "demographics"),
        ("21", "Numbers in each analysis", ("partitions",), ""),
        ("22", "The full model", ("files", "weights"), "where it can be had"),
        ("23a", "Performance with intervals", ("performance",), "subgroups"),
        ("23b", "Heterogeneity of performance", (), ALL),
        ("24", "Results of updating", (), ALL),
        ("25", "Interpretation", (), ALL),
        ("26", "Limitations", (), ALL),
        ("27a", "Input of poor quality in use", (), ALL),
        ("27b", "What users have to do and to know", (), ALL),
        ("27c", "Next steps", (), ALL),
    ),
)

STARD_AI = Guideline(
    "STARD-AI",
    "diagnostic accuracy of artificial intelligence",
    "Sounderajah V, Guni A, Liu X, et al. The STARD-AI reporting guideline for diagnostic accuracy "
    "studies using artificial intelligence. Nat Med 2025;31(10):3283-3289. "
    "doi:10.1038/s41591-025-03953-8",
    (
        ("1", "Title: AI, diagnostic accuracy, and a measure of it", (), ALL),
        ("2", "Abstract", (), ALL),
        ("3", "Background, intended use, place in the workflow", (), ALL),
        ("4", "Objectives and hypotheses", (), ALL),
        ("5", "Prospective or retrospective", (), ALL),
        ("6", "Ethical approval", (), ALL),
        (
            "7",
            "Eligibility of participants and of data",
            ("selection", "missing"),
            "criteria for patients",
        ),
        ("8", "How participants were identified", (), ALL),
        ("9", "Setting, places and dates", (), ALL),
        ("10", "Consecutive, random or convenience series", (), ALL),
        ("11", "Source of the data", ("source",), "why they were collected"),
        ("12", "Who annotated, and how", (), ALL),
        ("13", "Devices and software", ("software",), "devices that took the images"),
        ("14", "Acquisition and preprocessing", ("preprocessing",), "acquisition"),
        ("15a", "Index test in detail", ("method", "model", "weights", "output"), ""),
        ("15b", "How the index test was developed", ("protocol", "partitions"), ""),
        ("15c", "Cut-off of the index test", ("cutoff",), "why this rule"),
        ("15d", "Intended users", (), ALL),
        ("16a", "Reference standard", (), ALL),
        ("16b", "Why this reference standard", (), ALL),
        ("16c", "Cut-offs of the reference standard", (), ALL),
        ("17a", "What the index test could know", (), ALL),
        ("17b", "What assessors of the reference standard could know", (), ALL),
        ("18", "Methods for estimating and comparing accuracy", ("metrics", "uncertainty"), ""),
        ("19", "Indeterminate results", (), ALL),
        ("20", "Missing data", ("missing",), "missing labels"),
        ("21", "Analyses of variability", ("seeds", "controls"), "other analyses"),
        ("22", "Intended sample size", ("size",), "how it was planned"),
        ("23", "Analysis of errors, bias and fairness", ("cases",), "bias and fairness"),
        ("24", "Flow of participants", ("selection", "partitions"), "a diagram"),
        ("25", "Characteristics of each partition", ("partitions",), "demographics and devices"),
        ("26a", "Severity of disease", (), ALL),
        ("26b", "Alternative diagnoses", (), ALL),
        ("27", "Time between index test and reference standard", (), ALL),
        ("28", "Whether data represent the intended population", ("classes",), "the comparison"),
        ("29", "How external data differ", ("same_source",), "external data, if any"),
        ("30", "Cross-tabulation with the reference standard", ("counts",), ""),
        ("31", "Accuracy with its precision", ("performance",), ""),
        ("32", "Adverse events", (), ALL),
        ("33", "Limitations", (), ALL),
        ("34", "Implications for practice", (), ALL),
        ("35", "Ethics and fairness of use", (), ALL),
        ("36", "Registration", (), ALL),
        ("37", "Where the full protocol stands", ("protocol",), "the study's own protocol"),
        ("38", "Funding", (), ALL),
        ("39", "Commercial interests", (), ALL),
        ("40a", "Availability of data and code", ("source", "code"), "restrictions"),
        ("40b", "Whether outputs are stored and can be audited", ("files",), ""),
    ),
)

GUIDELINES = (STARD_AI, CLAIM, TRIPOD_AI)
