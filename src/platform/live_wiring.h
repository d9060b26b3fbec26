#pragma once

#include "platform/services.h"
#include "transport/http/live_feed.h"

namespace dunlin::platform {

/// Feeds what the services see into the live pages. Both must outlive the calls; call once.
void wire_live_feed(Services& services, transport::LiveFeed& feed);

}  // namespace dunlin::platform
