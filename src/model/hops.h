#pragma once
// How many rules a message has passed: carried along so that a loop of rules ends.

#include "hub/message.h"

namespace dunlin::model {

/// 0 for a message that no service of ours made, whatever it claims.
int hops_of(const hub::Message& message);

/// Marks a message that a service makes because of another one.
void set_hops(hub::Message& message, int hops);

}  // namespace dunlin::model
