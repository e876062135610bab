/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "snmp": power strips and network switches by SNMP v1, v2c or v3, through net-snmp. A preset knows the
 * objects of a maker; the preset "oid" takes them from the rack file. No MIB file is read, and no
 * configuration of net-snmp. */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/secret.h"
#include "harness/driver/claim.h"
#include "harness/driver/power/slow_switch.h"
#include "harness/driver/table.h"

#define OID_PATTERN "^[.]?[0-9]+([.][0-9]+)*$"
#define OID_WANTED "numbers with dots between them, such as 1.3.6.1.4.1.318.1"

struct config {
    char *host, *community_from, *user, *auth_from, *privacy_from, *outlet, *lock;
    char *on_oid, *off_oid, *get_oid;
    struct switch_limits limits;
    int64_t on_value, off_value, get_on, get_off;
    int preset, version, auth, privacy;
};

/* Each of them ends with the outlet. APC PowerNet-MIB rPDUOutletControlOutletCommand; CyberPower
 * ePDUOutletControlOutletCommand; Raritan PDU2-MIB switchingOperation, outletSwitchingState (on 7, off 8);
 * Server Technology Sentry3-MIB outletControlAction, outletStatus; Eaton EPDU-MIB outletControlOffCmd, OnCmd,
 * Status (0: without a delay); RFC 3621 pethPsePortAdminEnable of group 1. */
struct objects {
    const char *on_oid, *off_oid, *get_oid;
    int64_t on_value, off_value, get_on, get_off;
};
enum { OIDS = 6 };
static const char *const preset_names[] = {"apc",   "cyberpower", "raritan", "sentry",
                                           "eaton", "poe",        "oid",     NULL};
#define SAME(oid) oid, oid, oid
static const struct objects presets[] = {
    {SAME("1.3.6.1.4.1.318.1.1.12.3.3.1.1.4"), 1, 2, 1, 2},
    {SAME("1.3.6.1.4.1.3808.1.1.3.3.3.1.1.4"), 1, 2, 1, 2},
    {"1.3.6.1.4.1.13742.6.4.1.2.1.2.1", "1.3.6.1.4.1.13742.6.4.1.2.1.2.1", "1.3.6.1.4.1.13742.6.4.1.2.1.3.1",
     1, 0, 7, 8},
    {"1.3.6.1.4.1.1718.3.2.3.1.11.1.1", "1.3.6.1.4.1.1718.3.2.3.1.11.1.1", "1.3.6.1.4.1.1718.3.2.3.1.5.1.1",
     1, 2, 1, 0},
    {"1.3.6.1.4.1.534.6.6.7.6.6.1.4.0", "1.3.6.1.4.1.534.6.6.7.6.6.1.3.0", "1.3.6.1.4.1.534.6.6.7.6.6.1.2.0",
     0, 0, 1, 0},
    {SAME("1.3.6.1.2.1.105.1.1.1.3.1"), 1, 2, 1, 2},
    {NULL, NULL, NULL, 1, 0, 1, 0},
};

static const char *const versions[] = {"1", "2c", "3", NULL};
static const char *const auths[] = {"none", "md5", "sha", "sha256", "sha512", NULL};
static const char *const privacies[] = {"none", "des", "aes", NULL};
#define TEXT(member, text, must, like, want)                                                                 \
    {                                                                                                        \
        .name = #member, .help = text, .type = OPTION_STRING, .offset = offsetof(struct config, member),     \
        .required = must, .pattern = like, .wanted = want                                                    \
    }
#define VALUE(member, text, usual)                                                                           \
    {                                                                                                        \
        .name = #member, .help = text, .type = OPTION_INTEGER, .offset = offsetof(struct config, member),    \
        .standard = usual, .low = -2147483647, .high = 2147483647                                            \
    }
#define CHOICE(member, text, usual, must, list)                                                              \
    {                                                                                                        \
        .name = #member, .help = text, .type = OPTION_CHOICE, .offset = offsetof(struct config, member),     \
        .standard = usual, .required = must, .choices = list                                                 \
    }
static const struct option_spec options[] = {
    TEXT(host, "where it is: HOST or HOST:PORT", true, "^[^ @/:]+(:[0-9]{1,5})?$", "HOST or HOST:PORT"),
    CHOICE(preset, "whose objects; oid: as \"on_oid\" and \"off_oid\" say", NULL, true, preset_names),
    TEXT(outlet, "number of the outlet, or what else ends the objects", false, OID_PATTERN, OID_WANTED),
    CHOICE(version, "of SNMP", "2c", false, versions),
    TEXT(community_from,
         "versions 1 and 2c: where the community is: file:PATH or env:NAME (default: private)", false,
         SECRET_PATTERN, SECRET_WANTED),
    TEXT(user, "version 3: who we are", false, NULL, NULL),
    CHOICE(auth, "version 3: how we prove it", "sha", false, auths),
    TEXT(auth_from, "version 3: where the passphrase for that is", false, SECRET_PATTERN, SECRET_WANTED),
    CHOICE(privacy, "version 3: how it is encrypted", "aes", false, privacies),
    TEXT(privacy_from, "version 3: where the passphrase for that is", false, SECRET_PATTERN, SECRET_WANTED),
    TEXT(on_oid, "oid: the object that switches it on", false, OID_PATTERN, OID_WANTED),
    TEXT(off_oid, "oid: the object that switches it off", false, OID_PATTERN, OID_WANTED),
    TEXT(get_oid, "oid: the object that tells its state", false, OID_PATTERN, OID_WANTED),
    VALUE(on_value, "oid: what is written to switch it on", "1"),
    VALUE(off_value, "oid: what is written to switch it off", "0"),
    VALUE(get_on, "oid: what is read when it is on", "1"),
    VALUE(get_off, "oid: what is read when it is off", "0"),
    TEXT(lock, "name of the physical switch, for the lock (default: host and outlet)", false, NULL, NULL),
    SWITCH_LIMITS(struct config, "3000"),
    {0},
};

struct outlet {
    const struct config *config;
    struct objects objects;
    struct switch_wire wire;
    struct slow_switch *owner;
    char name[200];
    struct {
        char community[SECRET_MAX], auth[SECRET_MAX], privacy[SECRET_MAX];
    } secrets;
};

/* ---- a session ---- */

static void library_begin(void)
{
    static bool begun;
    if (begun)
        return;
    begun = true;
    setenv("MIBS", "", 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    /* else it makes folders for certificates that nobody wants */
    netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_PERSISTENT_DIR, "/dev/null");
    netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);
    init_snmp("otarig");
}

static int key_of(netsnmp_session *session, const char *secret, bool privacy, struct error *error)
{
    u_char *key = privacy ? session->securityPrivKey : session->securityAuthKey;
    size_t *len = privacy ? &session->securityPrivKeyLen : &session->securityAuthKeyLen;
    *len = USM_AUTH_KU_LEN;
    if (strlen(secret) < 8)
        return error_set(error, ERROR_INPUT, "snmp: a passphrase has at least 8 characters");
    return generate_Ku(session->securityAuthProto, (u_int)session->securityAuthProtoLen,
                       (const u_char *)secret, strlen(secret), key, len) == SNMPERR_SUCCESS
               ? 0
               : error_set(error, ERROR_SYSTEM, "snmp: no key can be made of the passphrase");
}

static int take_user(const struct outlet *outlet, netsnmp_session *session, struct error *error)
{
    static const struct {
        const oid *proto;
        size_t len;
    } auth[] = {{usmNoAuthProtocol, USM_AUTH_PROTO_NOAUTH_LEN},
                {usmHMACMD5AuthProtocol, USM_AUTH_PROTO_MD5_LEN},
                {usmHMACSHA1AuthProtocol, USM_AUTH_PROTO_SHA_LEN},
                {usmHMAC192SHA256AuthProtocol, OID_LENGTH(usmHMAC192SHA256AuthProtocol)},
                {usmHMAC384SHA512AuthProtocol, OID_LENGTH(usmHMAC384SHA512AuthProtocol)}};
    const struct config *config = outlet->config;
    bool is_private = config->auth && config->privacy;
    session->securityName = config->user;
    session->securityNameLen = strlen(config->user);
    session->securityLevel = is_private     ? SNMP_SEC_LEVEL_AUTHPRIV
                             : config->auth ? SNMP_SEC_LEVEL_AUTHNOPRIV
                                            : SNMP_SEC_LEVEL_NOAUTH;
    session->securityAuthProto = (oid *)(uintptr_t)auth[config->auth].proto;
    session->securityAuthProtoLen = auth[config->auth].len;
    session->securityPrivProto =
        (oid *)(uintptr_t)(config->privacy == 1 ? usmDESPrivProtocol : usmAESPrivProtocol);
    session->securityPrivProtoLen =
        config->privacy == 1 ? OID_LENGTH(usmDESPrivProtocol) : OID_LENGTH(usmAESPrivProtocol);
    if (config->auth && key_of(session, outlet->secrets.auth, false, error))
        return -1;
    return is_private ? key_of(session, outlet->secrets.privacy, true, error) : 0;
}

static void *session_open(const struct outlet *outlet, struct error *error)
{
    static const long versions_of[] = {SNMP_VERSION_1, SNMP_VERSION_2c, SNMP_VERSION_3};
    const struct config *config = outlet->config;
    netsnmp_session session;
    char peer[300];
    snmp_sess_init(&session);
    snprintf(peer, sizeof peer, "udp:%s", config->host);
    session.peername = peer;
    session.version = versions_of[config->version];
    session.timeout = (long)config->limits.timeout_ms * 1000 / 2;
    session.retries = 1; /* a datagram may be lost */
    if (session.version == SNMP_VERSION_3) {
        if (take_user(outlet, &session, error))
            return NULL;
    } else {
        session.community = (u_char *)(uintptr_t)outlet->secrets.community;
        session.community_len = strlen(outlet->secrets.community);
    }
    void *opened = snmp_sess_open(&session);
    char *why = NULL;
    if (!opened) {
        snmp_error(&session, NULL, NULL, &why);
        error_set(error, ERROR_RIG, "%s: %s", outlet->name, why ? why : "no session");
        free(why);
    }
    return opened;
}

static bool read_oid(const char *text, const char *more, oid *out, size_t *len)
{
    char whole[300], *at = whole, *end;
    *len = 0;
    snprintf(whole, sizeof whole, "%s%s%s", text[0] == '.' ? text + 1 : text, more[0] ? "." : "",
             more[0] == '.' ? more + 1 : more);
    do {
        if (*len == MAX_OID_LEN)
            return false;
        out[(*len)++] = strtoul(at, &end, 10);
        at = end + 1;
    } while (*end == '.');
    return !*end;
}

/* ---- a question ---- */

static int judge(const struct outlet *outlet, int status, netsnmp_pdu *answer, void *session, int64_t *value,
                 struct error *error)
{
    if (status == STAT_TIMEOUT)
        return error_set(error, ERROR_RIG, "%s: no answer within %d ms (host, version, community?)",
                         outlet->name, (int)outlet->config->limits.timeout_ms);
    if (status != STAT_SUCCESS || !answer) {
        char *why = NULL;
        snmp_sess_error(session, NULL, NULL, &why);
        error_set(error, ERROR_RIG, "%s: %s", outlet->name, why ? why : "no answer");
        free(why);
        return -1;
    }
    if (answer->command == SNMP_MSG_REPORT)
        return error_set(error, ERROR_RIG, "%s: it refuses user or passphrase", outlet->name);
    if (answer->errstat)
        return error_set(error, ERROR_RIG, "%s: %s", outlet->name, snmp_errstring((int)answer->errstat));
    const netsnmp_variable_list *variable = answer->variables;
    if (!variable ||
        (variable->type != ASN_INTEGER && variable->type != ASN_GAUGE && variable->type != ASN_COUNTER))
        return error_set(error, ERROR_RIG, "%s: there is no number (outlet, preset?)", outlet->name);
    *value = *variable->val.integer;
    return 0;
}

static int exchange(const struct outlet *outlet, const char *object, const int64_t *wanted, int64_t *value,
                    struct error *error)
{
    oid name[MAX_OID_LEN];
    size_t len;
    netsnmp_pdu *answer = NULL;
    const char *outlet_text = outlet->config->outlet ? outlet->config->outlet : "";
    if (!read_oid(object, outlet_text, name, &len))
        return error_set(error, ERROR_INPUT, "%s: no object", object);
    void *session = session_open(outlet, error);
    if (!session)
        return -1;
    netsnmp_pdu *pdu = snmp_pdu_create(wanted ? SNMP_MSG_SET : SNMP_MSG_GET);
    long number = wanted ? (long)*wanted : 0;
    if (wanted)
        snmp_pdu_add_variable(pdu, name, len, ASN_INTEGER, &number, sizeof number);
    else
        snmp_add_null_var(pdu, name, len);
    int status = snmp_sess_synch_response(session, pdu, &answer);
    int failed = judge(outlet, status, answer, session, value, error);
    if (answer)
        snmp_free_pdu(answer);
    snmp_sess_close(session);
    return failed;
}

static int put_question(const struct outlet *outlet, enum switch_ask ask, bool *on, struct error *error)
{
    const struct objects *objects = &outlet->objects;
    int64_t value = 0;
    if (ask != SWITCH_GET) {
        const int64_t wanted = ask == SWITCH_ON ? objects->on_value : objects->off_value;
        return exchange(outlet, ask == SWITCH_ON ? objects->on_oid : objects->off_oid, &wanted, &value,
                        error);
    }
    if (exchange(outlet, objects->get_oid, NULL, &value, error))
        return -1;
    *on = value == objects->get_on;
    return *on || value == objects->get_off
               ? 0
               : error_set(error, ERROR_RIG, "%s: tells %lld, which is neither on nor off", outlet->name,
                           (long long)value);
}

/* The library's list of users and engines is one for all sessions: of version 3 only one is at work at a
 * time. */
static int call(void *self, enum switch_ask ask, bool *on, struct error *error)
{
    static pthread_mutex_t users = PTHREAD_MUTEX_INITIALIZER;
    const struct outlet *outlet = self;
    bool shared = outlet->config->version == 2;
    if (shared)
        pthread_mutex_lock(&users);
    int failed = put_question(outlet, ask, on, error);
    if (shared)
        pthread_mutex_unlock(&users);
    return failed;
}

/* ---- the driver ---- */

static int read_secrets(struct outlet *outlet, struct error *error)
{
    const struct config *config = outlet->config;
    if (secret_read(config->community_from, outlet->secrets.community, error) ||
        secret_read(config->auth_from, outlet->secrets.auth, error) ||
        secret_read(config->privacy_from, outlet->secrets.privacy, error))
        return -1;
    if (!config->community_from) /* what strips are delivered with: no secret */
        snprintf(outlet->secrets.community, sizeof outlet->secrets.community, "private");
    return 0;
}

static void outlet_free(struct outlet *outlet)
{
    secret_forget((char *)&outlet->secrets, sizeof outlet->secrets);
    free(outlet);
}

static int outlet_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    struct outlet *outlet = mem_alloc(sizeof *outlet);
    *outlet = (struct outlet){.config = config, .objects = presets[config->preset]};
    if (config->preset == OIDS)
        outlet->objects =
            (struct objects){config->on_oid,    config->off_oid, config->get_oid, config->on_value,
                             config->off_value, config->get_on,  config->get_off};
    library_begin();
    snprintf(outlet->name, sizeof outlet->name, "snmp %s%s%s", config->host, config->outlet ? " outlet " : "",
             config->outlet ? config->outlet : "");
    outlet->wire = (struct switch_wire){
        .self = outlet, .name = outlet->name, .gets = outlet->objects.get_oid, .call = call};
    if (read_secrets(outlet, error)) {
        outlet_free(outlet);
        return -1;
    }
    outlet->owner = slow_switch_new(env, &outlet->wire, &config->limits);
    *self = outlet;
    return 0;
}

static void outlet_leave(void *self)
{
    struct outlet *outlet = self;
    slow_switch_leave(outlet->owner);
    outlet_free(outlet);
}

static void outlet_close(void *self)
{
    struct outlet *outlet = self;
    slow_switch_close(outlet->owner);
    outlet_free(outlet);
}

static int start(void *self, bool on, struct power_report *report, struct error *error)
{
    return slow_switch_start(((struct outlet *)self)->owner, on, report, error);
}

static int get(void *self, bool *on, struct error *error)
{
    return slow_switch_get(((struct outlet *)self)->owner, on, error);
}

static uint64_t latency_us(const void *config)
{
    return (uint64_t)((const struct config *)config)->limits.latency_ms * 1000;
}

static uint64_t safe_us(const void *config)
{
    return switch_safe_us(&((const struct config *)config)->limits);
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char *host = claim_host(config->host, strchr(config->host, ':') ? 0 : SNMP_PORT);
    if (config->lock)
        claim_named(key, size, config->lock);
    else
        claim_put(key, size, "snmp",
                  (const char *const[]){host, config->on_oid ? config->on_oid : config->outlet, NULL});
    free(host);
}

static const char *const commands[] = {"on_oid", "off_oid", NULL};
static const char *const details[] = {"get_oid", "on_value", "off_value", "get_on", "get_off", NULL};
static const char *const thirds[] = {"user", NULL};
static const char *const third_details[] = {"auth", "auth_from", "privacy", "privacy_from", NULL};
static const struct option_rule rules[] = {
    {OPTION_EXACTLY_WHERE, commands, "preset", "oid",
     "\"on_oid\" and \"off_oid\" with the preset \"oid\", and only there"},
    {OPTION_ONLY_WHERE, details, "preset", "oid", "\"get_oid\" and values only with the preset \"oid\""},
    {OPTION_EXACTLY_WHERE, thirds, "version", "3", "\"user\" with version \"3\", and only there"},
    {OPTION_ONLY_WHERE, third_details, "version", "3", "what is for version \"3\" only there"},
    {0}};

static const char *check(const void *data)
{
    const struct config *config = data;
    if (config->preset != OIDS && !config->outlet)
        return "an \"outlet\" for this preset";
    if (config->version == 2 && config->community_from)
        return "no community for version \"3\"";
    if (config->version == 2 && config->auth && !config->auth_from)
        return "\"auth_from\", or \"auth\": \"none\"";
    if (config->version == 2 && config->auth && config->privacy && !config->privacy_from)
        return "\"privacy_from\", or \"privacy\": \"none\"";
    return NULL;
}

/* Switches nothing. */
static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    void *self;
    bool on;
    if (outlet_open(env, config, &self, error))
        return -1;
    const struct outlet *outlet = self;
    int failed = outlet->wire.gets ? get(self, &on, error) : 0;
    outlet_leave(self);
    if (failed)
        snprintf(advice, size, "is it there, is SNMP allowed in it, is the community or the user right?");
    return failed;
}

static const struct power_ops ops = {
    .start = start, .get = get, .latency_us = latency_us, .safe_us = safe_us};
const struct driver power_snmp_driver = {
    .name = "snmp",
    .help = "power strips and PoE switches by SNMP (APC, CyberPower, Raritan, "
            "Sentry, Eaton, PoE MIB, any object)",
    .kind = DRIVER_POWER,
    .options = options,
    .config_size = sizeof(struct config),
    .claim = claim,
    .rules = rules,
    .check = check,
    .open = outlet_open,
    .close = outlet_close,
    .leave = outlet_leave,
    .power = &ops,
    .examine = examine};
