#pragma once
// The picture of an attack as JSON. Names that a peer chose are made text that can be shown.

#include <boost/json/fwd.hpp>
#include <vector>

#include "security/penalty.h"
#include "security/refusal_book.h"

namespace dunlin::platform {

/// A past Instant as a time of the wall clock.
struct Moment {
  Instant now{};
  WallTime wall_now{};
  std::string text(Instant at) const;
};

boost::json::object to_json(const security::RefusalBook::Entry& entry, const Moment& moment);
/// One row a kind that has occurred.
boost::json::array kinds_json(const security::RefusalBook::Kinds& kinds, const Moment& moment);
/// What all lists of talkers say alike; `name` is the member of its name, `peer` that of the other side.
boost::json::object talker_json(const security::Talker& talker, const Moment& moment, std::string_view name,
                                std::string_view peer);
/// {"from", "step_seconds", "kinds": {kind: [count of each step]}}; kinds without any are left out.
boost::json::object history_json(const security::RefusalBook::Picture& picture);

}  // namespace dunlin::platform
