# Learning rates of PSA, SEAM and HFPL on ResNet38, by group: once for the
# backbone's weights, twice for its biases, ten and twenty times for those of
# the new layers; no decay on biases. MMEngine takes the longest key that a
# parameter's name contains: a head with other layers needs their biases here.
four_groups = dict(
    custom_keys={
        '.bias': dict(lr_mult=2, decay_mult=0),
        'decode_head': dict(lr_mult=10),
        'decode_head.conv_seg.bias': dict(lr_mult=20, decay_mult=0),
        'decode_head.convs.0.conv.bias': dict(lr_mult=20, decay_mult=0),
        'decode_head.convs.1.conv.bias': dict(lr_mult=20, decay_mult=0),
    }
)
