#pragma once
// The audit of what operators do to the broker; other changes write theirs with the change itself.

#include "base/executor.h"
#include "base/rng.h"
#include "service/broker/broker.h"
#include "store/repository.h"

namespace dunlin::platform {

/// All must outlive the function. A record that cannot be written is logged.
broker::Audit make_audit(Executor& executor, store::Repository& repository, const Clock& clock, Rng& rng);

}  // namespace dunlin::platform
