/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/pe_signer.h"

#include "modules/pe_module.h"

static const char *subject_of(kj_arena *arena, const kj_pe_signature *signature)
{
    const kj_pe_certificates *chain =
        signature->chain.count ? &signature->chain : &signature->certificates;
    return chain->count ? kj_arena_text(arena, chain->items[0].subject) : NULL;
}

kj_signed kj_pe_signer(kj_span bytes, kj_arena *arena, const char **out_signer)
{
    *out_signer = NULL;
    kj_pe_state *state = kj_new(arena, kj_pe_state);
    kj_error err;
    if (!state || kj_pe_read(bytes, &state->pe, &err) != KJ_OK)
        return KJ_SIGNED_UNKNOWN;
    state->is_pe = true;
    const kj_field_call call = {0};
    const kj_module_input input = {.arena = arena};
    const kj_pe_ask ask = {
        .call = &call, .input = &input, .arena = arena, .bytes = bytes, .state = state};
    if (!kj_pe_read_signatures(&ask))
        return KJ_SIGNED_UNKNOWN;
    if (state->signatures.count == 0)
        return KJ_SIGNED_NONE;
    *out_signer = subject_of(arena, &state->signatures.items[0]);
    return state->signatures.verified ? KJ_SIGNED_VALID : KJ_SIGNED_INVALID;
}
