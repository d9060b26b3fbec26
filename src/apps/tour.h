#pragma once
// What `dunlin up` adds to a server: a gateway's identity, the tour's rule, and the simulated factory behind
// the gateway.

#include <map>
#include <string>

#include "apps/api_client.h"
#include "base/fs.h"
#include "edge/config.h"
#include "fleet/site.h"

namespace dunlin::apps {

inline constexpr std::string_view kTourGateway = "gateway-plant1";

/// Makes the gateway's thing and certificate (once; renewed when it has been revoked or lost) and the tour's
/// rule (once; a changed or deleted one stays as it is). Files go to `folder`. Errors: those of the API and
/// of the files.
Result<void> prepare_tour(ApiClient& client, Fs& fs, const std::string& folder);

/// The configuration of the tour's gateway. `mqtts` is the server's listener.
edge::GatewayConfig tour_gateway(const std::string& folder, const std::string& mqtts,
                                 const std::map<std::string, std::string>& tokens);

/// A fresh random token per device, by name.
std::map<std::string, std::string> make_tokens(const fleet::SiteConfig& site);

}  // namespace dunlin::apps
