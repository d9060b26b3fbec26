#pragma once
// One session with a PKCS#11 token (PKCS #11 v2.40). Private to the room.

#include <p11-kit/pkcs11.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/result.h"
#include "keys/token_uri.h"

namespace dunlin::keys {

/// What PKCS#11 says of a failure, as ours; `what` begins the sentence.
Error error_of(CK_RV status, std::string_view what);
/// Whether another session may do better.
bool is_session_lost(CK_RV status);

/// One thread at a time. Ends its session when it goes; the module stays loaded.
class TokenSession {
 public:
  enum class For : std::uint8_t { using_keys, making_keys };
  /// Loads the module if need be, finds the token, signs in. Errors: those of key_in_token().
  static Result<std::unique_ptr<TokenSession>> open(const TokenUri& uri, For purpose);

  TokenSession(const TokenSession&) = delete;
  TokenSession& operator=(const TokenSession&) = delete;
  ~TokenSession();

  CK_FUNCTION_LIST& calls() const { return *calls_; }
  CK_SESSION_HANDLE session() const { return session_; }

  /// The objects of that class with that label and identifier, where they are not empty: two at most.
  Result<std::vector<CK_OBJECT_HANDLE>> find(CK_OBJECT_CLASS kind, const std::string& label,
                                             const std::vector<std::uint8_t>& id) const;
  /// Empty: it has none.
  Result<std::vector<std::uint8_t>> attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;

 private:
  TokenSession(CK_FUNCTION_LIST* calls, CK_SESSION_HANDLE session) : calls_(calls), session_(session) {}

  CK_FUNCTION_LIST* calls_;
  CK_SESSION_HANDLE session_;
};

}  // namespace dunlin::keys
