"""The plugin: what it offers to tlbench.

tlbench imports this module whenever it starts, so anything heavy is imported in `load`.
"""

from tlbench import BackboneSpec, Preprocessing, hookimpl


def load(_weights_file):
    """Return what turns pixels into features."""
    from tlbench_edges.backbone import extract

    return extract


@hookimpl
def tlbench_register_backbones():
    """Offer the backbone to tlbench."""
    return [
        BackboneSpec(
            name="edges",
            title="brightness steps within 8 x 8 blocks",
            feature_size=128,
            preprocessing=Preprocessing(size=(64, 64)),
            load=load,
            parameters=0,
            reference="none: an example",
            licence="MIT",
        )
    ]
