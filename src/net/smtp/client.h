#pragma once
// Sends mails to one server: SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS (RFC 8314), and AUTH (RFC 4954).

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/metrics.h"
#include "net/network.h"
#include "net/smtp/limits.h"
#include "net/smtp/mail.h"

namespace dunlin::net::smtp {

enum class Security : std::uint8_t {
  starttls,  // a server that does not offer it gets no mail
  tls,       // from the first byte
  none,      // no user and no password then
};

struct ClientOptions {
  Endpoint server;  // usual ports: 587 with starttls, 465 with tls, 25 with none
  Security security = Security::starttls;
  std::shared_ptr<TlsClientContext> tls;  // what its certificate must lead to. Shared with the connections
  std::string user;                       // empty: no AUTH
  std::string password;
  std::string own_name = "localhost";         // for EHLO: a domain or an address in brackets
  std::shared_ptr<const AddressGuard> guard;  // null: any address. Shared with the connects
  std::size_t max_under_way = kMaxMailsUnderWay;
  std::size_t max_waiting = kMaxMailsWaiting;
  Duration deadline = kMailDeadline;  // of one mail, from send(), waiting included
};

/// The mail is with the server, which is responsible for it from then on.
struct Receipt {
  std::string reply;                 // "250 queued as 4711"
  std::vector<std::string> refused;  // of the receivers, each with the server's reason; not all of them
};
/// Errors: invalid_argument (the mail; or the server has refused sender, text or all receivers for good,
/// 5xx); limit_exceeded (the mail; max_waiting); unavailable (try again: no connection, 4xx); timed_out;
/// unauthenticated (the server's certificate, or user and password); permission_denied (the guard); malformed
/// (no SMTP); unsupported (the server has no STARTTLS, or no way to sign in that we know). After
/// `unavailable` and `timed_out` the mail may have been taken all the same: it is sent at least once.
using SentHandler = std::move_only_function<void(Result<Receipt>)>;

/// One executor's thread only. A connection for each mail. Destroying it forgets all mails without an answer.
class SmtpClient {
 public:
  /// Errors: invalid_argument (user and password without TLS; TLS without `tls`; own_name).
  static Result<std::unique_ptr<SmtpClient>> make(Network& network, Executor& executor,
                                                  metrics::Registry& registry, ClientOptions options);
  ~SmtpClient();
  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  /// Calls `done` exactly once, from a later turn of the loop.
  void send(const Mail& mail, SentHandler done);

  std::size_t under_way() const;
  std::size_t waiting() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;

 public:
  /// make() makes them.
  explicit SmtpClient(std::unique_ptr<Impl> impl);
};

}  // namespace dunlin::net::smtp
