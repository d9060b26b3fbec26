#pragma once
// A shadow document and its changes. Pure: no clock, no store. Format: docs/formats/shadow.md.

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::shadow {

/// What an update asks for: `state` with desired and/or reported, and optionally the version it builds on.
struct Update {
  std::optional<boost::json::value> desired;  // an object, or null to delete the whole part
  std::optional<boost::json::value> reported;
  std::optional<std::uint64_t> version;
  std::string client_token;
};

/// Errors: malformed (not JSON, no state, a part that is neither object nor null, a client token that is too
/// long), limit_exceeded.
Result<Update> parse_update(std::string_view text);

/// The client token of any request, even of one that is refused otherwise; empty where there is none that
/// fits.
std::string client_token_of(std::string_view request);

class Document {
 public:
  /// Merges the update: null deletes a key, objects merge, everything else (arrays too) replaces. The version
  /// rises by one. `timestamp` is in Unix seconds. On an error the document is unchanged. Errors: conflict
  /// (the update builds on another version), limit_exceeded (size or depth).
  Result<void> apply(const Update& update, std::int64_t timestamp);

  /// The desired members that reported lacks or holds otherwise, with their path; nullopt when there are
  /// none.
  std::optional<boost::json::object> delta() const;
  /// The metadata of the delta's members.
  boost::json::object delta_metadata() const;

  const boost::json::object& desired() const { return desired_; }
  const boost::json::object& reported() const { return reported_; }
  const boost::json::object& desired_metadata() const { return desired_metadata_; }
  const boost::json::object& reported_metadata() const { return reported_metadata_; }
  std::uint64_t version() const { return version_; }
  std::int64_t timestamp() const { return timestamp_; }

  /// {"state":{"desired","reported","delta"},"metadata":{..},"version","timestamp"}; empty parts are left
  /// out.
  boost::json::object to_json() const;

  std::string to_stored() const;
  /// Errors: corrupt.
  static Result<Document> from_stored(std::string_view text);
  /// What follows a deletion: no state, and the next version, so that versions never go back.
  static Document deleted(std::uint64_t last_version);

 private:
  boost::json::object desired_;
  boost::json::object reported_;
  boost::json::object desired_metadata_;
  boost::json::object reported_metadata_;
  std::uint64_t version_ = 0;
  std::int64_t timestamp_ = 0;
};

}  // namespace dunlin::shadow
