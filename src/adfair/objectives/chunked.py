"""Contrastive losses of large batches, tile by tile: the logits [B, B] are never held but computed again backwards.

Rows of unit norm bound every logit by the scale, so one shift, fixed beforehand, makes ``exp`` safe everywhere: a
single ``exp`` of a tile then serves the sums over its rows and over its columns, forwards and backwards. Where the
shift would underflow a whole row or column, running maxima replace it. Multiplications: 8 B^2 D (logits twice, two
gradients) instead of the 12 B^2 D of two separate logit matrices; memory beyond the two gradients: two tiles.

Source: tiles with recomputation, Cheng et al. 2024, "Breaking the Memory Barrier" (arXiv 2410.17243); the fixed
shift and one pass for both directions are our choice.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

WHOLE, TILE = 2048, 1024
"""Up to this batch the logits are held whole, unless a tile is asked for; rows and columns of a tile (our choice)."""

HEADROOM = 50.0
"""How far above the shift a logit may lie: exp(50) leaves room for sums of millions of terms in single precision."""


def tile_size(n: int, chunk: int | None) -> int:
    """Rows of a tile for a batch of n: ``chunk``, or by default :data:`TILE` beyond :data:`WHOLE`; 0 is whole."""
    if chunk is None:
        return TILE if n > WHOLE else 0
    return chunk


def in_strips(part: Callable[[slice], Tensor], n: int, tile: int) -> Tensor:
    """What ``part`` gives for rows of n, ``tile`` at a time, side by side: [..., n].

    Inside ``part`` a strip of the logits, [tile, n], is held; backwards it is computed again. For losses whose rows and
    columns differ in what they count, so that one tile cannot serve both.
    """
    rows = [slice(i, min(i + tile, n)) for i in range(0, n, tile)]
    return torch.cat([checkpoint(part, each, use_reentrant=False) for each in rows], dim=-1)


Pulls = Iterator[tuple[slice, slice, Tensor]]  # rows, columns, gradient on their logits


class _Tiles:
    """The logits of a batch, one tile after another in the same memory; a tile is overwritten by the next.

    Args:
        image, text: [B, D]. scale: a scalar. tile: rows and columns. bias: added to every logit.
    """

    def __init__(
        self, image: Tensor, text: Tensor, scale: Tensor, tile: int, bias: Tensor | None = None
    ) -> None:
        self.image, self.text, self.scale, self.bias = image, text, scale, bias
        self.tile = min(tile, len(image))
        self.memory = image.new_empty((2, self.tile**2))

    def __iter__(self) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
        """Rows, columns, logits [rows, columns], and spare memory of that shape."""
        parts = [slice(i, min(i + self.tile, len(self.image))) for i in range(0, len(self.image), self.tile)]
        for rows in parts:
            scaled = self.image[rows] * self.scale
            for columns in parts:
                shape = (rows.stop - rows.start, columns.stop - columns.start)
                z, spare = (part[: shape[0] * shape[1]].view(shape) for part in self.memory)
                torch.mm(scaled, self.text[columns].T, out=z)
                yield rows, columns, z if self.bias is None else z.add_(self.bias), spare

    def gradients(self, pulls: Pulls) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients on image, text and scale from those on the logits, tile by tile."""
        d_image, d_text = torch.zeros_like(self.image), torch.zeros_like(self.text)
        for rows, columns, pull in pulls:
            d_image[rows].addmm_(pull, self.text[columns])
            d_text[columns].addmm_(pull.T, self.image[rows])
        # Each logit is scale times a cosine, so these sums are the scale's gradient too, at no further product.
        d_scale = sum(
            (
                (g * x).sum()
                for g, x in zip(d_image.split(self.tile), self.image.split(self.tile), strict=True)
            ),
            start=self.scale.new_zeros(()),
        )
        return d_image.mul_(self.scale), d_text.mul_(self.scale), d_scale


def _fixed_sums(tiles: _Tiles, shift: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of exp(logit - shift) over rows and over columns, [2, B], pairs left out; and the pairs' logits, [B]."""
    others, own = tiles.image.new_zeros((2, len(tiles.image))), tiles.image.new_zeros(len(tiles.image))
    for rows, columns, z, _ in tiles:
        if rows == columns:
            own[rows] = z.diagonal()
            z.fill_diagonal_(-torch.inf)
        z.sub_(shift).exp_()
        others[0, rows] += z.sum(1)
        others[1, columns] += z.sum(0)
    return others, own


def _running_sums(tiles: _Tiles) -> tuple[Tensor, Tensor]:
    """Maxima of rows and columns, and sums of exp(logit - maximum) over them, pairs left out: [2, B] each."""
    top = tiles.image.new_full((2, len(tiles.image)), -torch.inf)
    others = torch.zeros_like(top)
    for rows, columns, z, spare in tiles:
        for side, part, dim in ((0, rows, 1), (1, columns, 0)):
            highest = torch.maximum(top[side, part], z.amax(dim))
            torch.sub(z, highest.unsqueeze(dim), out=spare).exp_()
            if rows == columns:
                spare.fill_diagonal_(0)
            faded = others[side, part] * (top[side, part] - highest).exp()
            others[side, part], top[side, part] = faded + spare.sum(dim), highest
    return top, others


def _safe(sums: Tensor) -> bool:
    """Whether what was lost to underflow lies below rounding, and nothing overflowed."""
    limits = torch.finfo(sums.dtype)
    floor = sums.shape[-1] * limits.tiny / limits.eps
    return bool((torch.isfinite(sums) & (sums >= floor)).all())


class _InfoNCE(torch.autograd.Function):
    """The pairs' own terms are kept apart: in 1 - p of a pair that is nearly found, the others' share would be lost."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, text: Tensor, scale: Tensor, tile: int) -> Tensor:
        tiles = _Tiles(image, text, scale, tile)
        top = (scale - HEADROOM).clamp(min=0).expand(2, len(image))
        others, own = _fixed_sums(tiles, top[0, 0])
        ctx.fixed, ctx.tile = _safe(others + (own - top).exp()), tile
        if not ctx.fixed:
            top, others = _running_sums(tiles)
        mine = (own - top).exp()
        ctx.save_for_backward(image, text, scale, top, others, mine)
        found = torch.where(others < mine, (others / mine).log1p(), (others + mine).log() + top - own)
        return 0.5 * found.sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        image, text, scale, top, others, mine = ctx.saved_tensors
        tiles, share = _Tiles(image, text, scale, ctx.tile), 0.5 * grad / (others + mine)
        pulls = (_fixed_pulls if ctx.fixed else _running_pulls)(tiles, top, share)
        return *tiles.gradients(_with_own(pulls, -(share * others).sum(0))), None


def _with_own(pulls: Pulls, own: Tensor) -> Pulls:
    for rows, columns, pull in pulls:
        if rows == columns:
            pull.diagonal().copy_(own[rows])
        yield rows, columns, pull


def _fixed_pulls(tiles: _Tiles, top: Tensor, share: Tensor) -> Pulls:
    for rows, columns, z, spare in tiles:
        z.sub_(top[0, 0]).exp_()
        yield rows, columns, z.mul_(torch.add(share[0, rows, None], share[1, columns], out=spare))


def _running_pulls(tiles: _Tiles, top: Tensor, share: Tensor) -> Pulls:
    for rows, columns, z, spare in tiles:
        torch.sub(z, top[0, rows, None], out=spare).exp_().mul_(share[0, rows, None])
        yield rows, columns, z.sub_(top[1, columns]).exp_().mul_(share[1, columns]).add_(spare)


class _SigLIP(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, text: Tensor, scale: Tensor, bias: Tensor, tile: int) -> Tensor:
        losses, nothing = image.new_zeros(len(image)), image.new_zeros(())
        for rows, columns, z, spare in _Tiles(image, text, scale, tile, bias):
            if rows == columns:
                z.diagonal().neg_()
            torch.logaddexp(z, nothing, out=spare)
            losses[rows] += spare.sum(1)
            losses[columns] += spare.sum(0)
        ctx.save_for_backward(image, text, scale, bias)
        ctx.tile = tile
        return 0.5 * losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        image, text, scale, bias = ctx.saved_tensors
        tiles, d_bias = _Tiles(image, text, scale, ctx.tile, bias), torch.zeros_like(bias)
        gradients = tiles.gradients(_sigmoid_pulls(tiles, 0.5 * grad, d_bias))
        return *gradients, d_bias, None


def _sigmoid_pulls(tiles: _Tiles, share: Tensor, d_bias: Tensor) -> Pulls:
    for rows, columns, z, spare in tiles:
        if rows == columns:  # the pairs: sigmoid(z) - 1, without the rounding of that difference
            z.diagonal().neg_()
        z.sigmoid_()
        if rows == columns:
            z.diagonal().neg_()
        z.mul_(torch.add(share[rows, None], share[columns], out=spare))
        d_bias += z.sum()
        yield rows, columns, z


def chunked_infonce(image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor, *, tile: int) -> Tensor:
    """``contrastive.infonce_per_pair`` in tiles of ``tile`` rows and columns: [B] nats, differentiable once.

    Args:
        image_emb, text_emb: [B, D], unit-norm rows, single or double precision; row i pairs with row i.
        logit_scale: positive scalar.
    """
    return _InfoNCE.apply(image_emb, text_emb, logit_scale, tile)


def chunked_siglip(
    image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor, logit_bias: Tensor, *, tile: int
) -> Tensor:
    """``siglip.siglip_per_pair`` in tiles of ``tile`` rows and columns: [B] nats, differentiable once."""
    return _SigLIP.apply(image_emb, text_emb, logit_scale, logit_bias, tile)
