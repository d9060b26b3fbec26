#pragma once

#include "platform/services.h"
#include "transport/http/live_feed.h"

namespace dunlin::platform {

/// Feeds what the services see into the live pages, stored samples as long as the answer is kept. Both must
/// outlive the calls; call once.
std::unique_ptr<series::Follower> wire_live_feed(Services& services, transport::LiveFeed& feed);

}  // namespace dunlin::platform
