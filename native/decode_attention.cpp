// Steps of attention and its gradient.
#include "decode_steps.h"

#include <string.h>

namespace nabla {

void StepDecoder::heads(Step& s, int which, HeadsView& x, idx batch, idx time, idx count, idx width) {
  Operand& o = s.operand[which];
  o.buffer = guard_.buffer();
  o.offset = in_.number("an offset");
  Extent e{o.offset, o.offset, true};
  e.axis(batch, x.batch = in_.number("a stride"));
  e.axis(time, x.time = in_.number("a stride"));
  e.axis(count, x.head = in_.number("a stride"));
  e.axis(width, 1);
  touch(o, e, false);
}

void StepDecoder::mask(Step& s, AttentionTask& t) {
  Operand& o = s.operand[3];
  o.buffer = guard_.buffer();
  o.offset = in_.number("an offset");
  Extent e{o.offset, o.offset, true};
  e.axis(t.batch, t.maskBatch = in_.number("a stride"));
  e.axis(t.heads, t.maskHead = in_.number("a stride"));
  e.axis(t.queries, t.maskQuery = in_.number("a stride"));
  e.axis(t.keys, t.maskKey = in_.number("a stride"));
  touch(o, e, false, BOOL);
}

void StepDecoder::attention(Step& s) {
  AttentionTask& t = s.attention;
  t = AttentionTask();
  s.form = in_.flag("an attention's form");
  t.causal = in_.flag("causality");
  s.plain = !in_.flag("a mask");
  const int32_t scale = in_.word();
  memcpy(&t.scale, &scale, sizeof scale);
  t.batch = in_.size("a size");
  t.queries = in_.size("a size");
  t.keys = in_.size("a size");
  t.heads = in_.size("a size");
  t.groups = in_.size("a size");
  t.width = in_.size("a size");
  t.valueWidth = in_.size("a size");
  in_.require(t.groups > 0 && t.heads % t.groups == 0, "groups do not divide the heads");
  const idx rows = times(times(t.batch, t.queries), t.heads), columns = times(times(t.batch, t.keys), t.groups);
  const idx pairs = times(rows, t.keys), widths = t.width + t.valueWidth;
  const idx sizes[3] = {times(rows, t.width), times(columns, t.width), times(columns, t.valueWidth)};
  const idx out = times(rows, t.valueWidth);
  in_.require(rows > 0 && t.keys > 0 && t.width > 0 && t.valueWidth > 0, "attention over nothing");
  if (!in_.ok()) return;
  heads(s, 0, t.q, t.batch, t.queries, t.heads, t.width);
  heads(s, 1, t.k, t.batch, t.keys, t.groups, t.width);
  heads(s, 2, t.v, t.batch, t.keys, t.groups, t.valueWidth);
  if (!s.plain) mask(s, t);
  if (s.form == 0) {
    whole(s, 4, F32, out, true);
    whole(s, 5, F32, rows, true);
  } else {
    heads(s, 4, t.logSum, t.batch, t.queries, t.heads, 1);
    heads(s, 5, t.delta, t.batch, t.queries, t.heads, 1);
    heads(s, 6, t.g, t.batch, t.queries, t.heads, t.valueWidth);
    for (int i = 0; i < 3; i++) whole(s, 7 + i, F32, sizes[i], true);
  }
  const double seen = (double)pairs * (t.causal ? 0.6 : 1);
  s.nanoseconds += seen * ((double)widths * (s.form ? 2.5 : 1) / (1.5 * kernels_.vectorBytes) + 6.0 / kernels_.vectorBytes);
  s.tiles = s.form ? times(t.batch, t.groups) : times(times(t.batch, t.heads), (t.queries + 31) / 32);
  if (in_.ok()) s.scratch = kernels_.attentionScratch(t);
}

}  // namespace nabla
