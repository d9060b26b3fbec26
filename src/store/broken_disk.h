#pragma once

#include <functional>

#include "base/result.h"

namespace dunlin::store {

/// Told when a store will take nothing more until it is opened anew: a write or a sync failed for another
/// reason than want of room, so what the disk holds is known only once it has been read again. On any thread,
/// perhaps more than once.
using BrokenDisk = std::function<void(const Error&)>;

}  // namespace dunlin::store
