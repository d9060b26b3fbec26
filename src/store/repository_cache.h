#pragma once
// Documents that were asked for lately, so that ten thousand devices that come back at once do not all wait
// for one database.

#include <memory>

#include "store/repository.h"

namespace dunlin::store {

/// Answers get() from memory where it can, absent documents too; everything else is `inner`'s. Right as long
/// as nobody else writes to what `inner` stores: what a write changes is forgotten before it begins, and what
/// is read while one is under way is not kept. At most kCachedDocuments of kMaxCachedBytes each; past it the
/// ones that were not asked for longest go.
std::unique_ptr<Repository> cache_repository(std::unique_ptr<Repository> inner);

}  // namespace dunlin::store
