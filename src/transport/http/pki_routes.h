#pragma once
// What the world may ask about our certificates, without a sign-in: revocation lists, authorities'
// certificates and OCSP (RFC 6960 appendix A, RFC 5019), below /pki/.

#include "net/http/router.h"
#include "security/ocsp_responder.h"
#include "security/pki.h"
#include "security/revocation_lists.h"

namespace dunlin::transport {

/// The HTTP server's executor only, which is that of the lists and the responder.
class PkiRoutes {
 public:
  struct Parts {
    const security::Pki& pki;
    security::RevocationLists& lists;
    security::OcspResponder& ocsp;
    const Clock& clock;
  };
  explicit PkiRoutes(Parts parts) : parts_(parts) {}

  /// GET /pki/ISSUER.crl, /pki/ISSUER.crt, /pki/chain.pem, /pki/root.pem, GET /pki/ocsp/REQUEST, POST
  /// /pki/ocsp.
  void mount(net::http::Router& router);

 private:
  using Request = net::http::Request;
  using Responder = net::http::Responder;
  void serve_file(const Request& request, std::string_view file, Responder responder);
  void serve_list(const Request& request, const std::string& issuer, Responder responder);
  void serve_ocsp(ByteView question, Responder responder);

  Parts parts_;
};

}  // namespace dunlin::transport
