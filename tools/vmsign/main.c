// SPDX-License-Identifier: GPL-2.0-only
/* vmsign: command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux.h"
#include "vmsign.h"

#define MAX_MEMORY_MIB 65536UL

static void usage(FILE *to)
{
	fprintf(to,
		"usage: vmsign key PEM                        the public key, for kcore.keys= or CONFIG_KCORE_KEYS, and its name\n"
		"       vmsign sign --key PEM --output FILE VM  sign what KCore will measure of a VM; tvmm --signed takes FILE\n"
		"       vmsign verify --key PEM FILE [--log LOG] [--core FILE]\n"
		"                                             is FILE signed by that key, and is it what KCore measured (LOG)?\n"
		"       vmsign quote-verify --quote-key KEY --nonce NONCE --asked host|guest --core FILE [--key PEM --signed FILE] LOG\n"
		"                                             is the quote in LOG KCore's own, of this VM, now, and for whom?\n"
		"       vmsign print [--json] FILE|LOG        a signature, or what KCore measured\n"
		"\n"
		"VM, with the same words and defaults as tvmm:\n"
		"  linux IMAGE [--initrd FILE] [--append TEXT] [--disk] [--virtio-console] [--its] [--pmu]\n"
		"  flat IMAGE [--append TEXT]\n"
		"  run FILE                    a bare-metal guest (tvmm's own payloads: guest/NAME.bin of its build)\n"
		"or for another VMM, with the device tree as one of the files:\n"
		"  images FILE@ADDRESS... --entry ADDRESS [--base ADDRESS] [--x0 N] .. [--x3 N]\n"
		"and for all of them:\n"
		"  --memory MIB      guest memory (256; run: 64)\n"
		"  --vcpus N         1..%lu (1)\n"
		"  --gic 2|3         the vGIC that the guest will find (3); tvmm takes the host's best without --gic\n"
		"\n"
		"  --base ADDRESS    where the VM's memory begins (0x40000000)\n"
		"  --log LOG         text with the lines 'measurement NUMBER WORD' of tvmm --measurement, of the payload measure, or both\n"
		"  --core FILE       kcore.bin that is to be running\n"
		"  --quote-key KEY   its key: the 128 hexadecimal digits of 'kcore: quotes: key' in dmesg, vouched for by who saw the host boot\n"
		"  --nonce NONCE     64 hexadecimal digits: what was given to tvmm --quote, or what the guest said\n"
		"  --asked host|guest  who says so: only a guest's quote comes from inside of the VM\n"
		"  --signed FILE     of the VM's owner; with --key, his\n"
		"  --json            print as JSON\n"
		"  --help\n"
		"\n"
		"A key is one of ECDSA P-256.  To make one, and its public half:\n"
		"  openssl ecparam -name prime256v1 -genkey -noout -out owner.pem\n"
		"  openssl pkey -in owner.pem -pubout -out owner-public.pem\n"
		"\n"
		"Exit status: 0 done, all good; 1 a signature or measurement isn't what it has to be; 2 usage; 3 a file is missing or damaged.\n",
		KCORE_VM_VCPUS);
}

struct options {
	struct plan plan;
	const char *key, *output, *log, *core, *quote_key, *nonce, *asked, *sign;
	bool json, base, entry;
};

static int bad_value(const char *option, const char *value, const char *want)
{
	error_line("--%s %s: want %s", option, value, want);
	return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct options *o)
{
	enum {
		KEY = 256, OUTPUT, LOG, CORE, QUOTE_KEY, NONCE, ASKED, SIGNED, JSON, INITRD, APPEND, DISK, VCONSOLE, ITS, PMU, MEMORY, VCPUS, GIC, BASE,
		ENTRY, X0, X1, X2, X3, HELP,
	};
	static const struct option options[] = {
		{ "key", required_argument, NULL, KEY },
		{ "output", required_argument, NULL, OUTPUT },
		{ "log", required_argument, NULL, LOG },
		{ "core", required_argument, NULL, CORE },
		{ "quote-key", required_argument, NULL, QUOTE_KEY },
		{ "nonce", required_argument, NULL, NONCE },
		{ "asked", required_argument, NULL, ASKED },
		{ "signed", required_argument, NULL, SIGNED },
		{ "json", no_argument, NULL, JSON },
		{ "initrd", required_argument, NULL, INITRD },
		{ "append", required_argument, NULL, APPEND },
		{ "disk", no_argument, NULL, DISK },
		{ "virtio-console", no_argument, NULL, VCONSOLE },
		{ "its", no_argument, NULL, ITS },
		{ "pmu", no_argument, NULL, PMU },
		{ "memory", required_argument, NULL, MEMORY },
		{ "vcpus", required_argument, NULL, VCPUS },
		{ "gic", required_argument, NULL, GIC },
		{ "base", required_argument, NULL, BASE },
		{ "entry", required_argument, NULL, ENTRY },
		{ "x0", required_argument, NULL, X0 },
		{ "x1", required_argument, NULL, X1 },
		{ "x2", required_argument, NULL, X2 },
		{ "x3", required_argument, NULL, X3 },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	struct plan *p = &o->plan;
	u64 n;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case KEY:
			o->key = optarg;
			break;
		case OUTPUT:
			o->output = optarg;
			break;
		case LOG:
			o->log = optarg;
			break;
		case CORE:
			o->core = optarg;
			break;
		case QUOTE_KEY:
			o->quote_key = optarg;
			break;
		case NONCE:
			o->nonce = optarg;
			break;
		case ASKED:
			o->asked = optarg;
			break;
		case SIGNED:
			o->sign = optarg;
			break;
		case JSON:
			o->json = true;
			break;
		case INITRD:
			p->initrd = optarg;
			break;
		case APPEND:
			p->append = optarg;
			break;
		case DISK:
			p->disk = true;
			break;
		case VCONSOLE:
			p->vconsole = true;
			break;
		case ITS:
			p->its = true;
			break;
		case PMU:
			p->pmu = true;
			break;
		case MEMORY:
			if (!parse_number(optarg, MAX_MEMORY_MIB, &n) || n < 2)
				return bad_value("memory", optarg, "MiB, 2..65536");
			p->memory = n << 20;
			break;
		case VCPUS:
			if (!parse_number(optarg, KCORE_VM_VCPUS, &p->vcpus) || !p->vcpus)
				return bad_value("vcpus", optarg, "1..16");
			break;
		case GIC:
			if (!parse_number(optarg, 3, &p->gic) || p->gic < 2)
				return bad_value("gic", optarg, "2 or 3");
			break;
		case BASE:
			if (!parse_number(optarg, (1UL << KCORE_IPA_BITS) - 1, &p->base) || p->base % PAGE_SIZE)
				return bad_value("base", optarg, "the address of a page");
			o->base = true;
			break;
		case ENTRY:
			if (!parse_number(optarg, ~0UL, &p->entry))
				return bad_value("entry", optarg, "an address");
			o->entry = true;
			break;
		case X0:
		case X1:
		case X2:
		case X3:
			if (!parse_number(optarg, ~0UL, &p->x[c - X0]))
				return bad_value(options[c - KEY].name, optarg, "a number");
			break;
		case HELP:
			usage(stdout);
			exit(EXIT_PASS);
		default:
			error_line("--help says what there is");
			return EXIT_USAGE;
		}
	}
	return EXIT_PASS;
}

static int wrong(const char *text)
{
	error_line("%s (--help says more)", text);
	return EXIT_USAGE;
}

static void hash_of(const void *data, size_t bytes, void *digest)
{
	struct hash *hash = hash_new();

	hash_add(hash, data, bytes);
	hash_end(hash, digest);
}

static void key_name(const struct key *key, u8 name[HASH_BYTES])
{
	u8 point[POINT_BYTES];

	key_point(key, point);
	hash_of(point, sizeof(point), name);
}

static int command_key(const struct options *o, const char *path)
{
	struct key *key = key_read(path, false);
	u8 point[POINT_BYTES], name[HASH_BYTES];
	char text[2 * POINT_BYTES + 1];

	if (!key)
		return EXIT_ENVIRONMENT;
	key_point(key, point);
	key_name(key, name);
	hex_text(point + 1, sizeof(point) - 1, text);
	if (o->json)
		printf("{ \"key\": \"%s\", ", text);
	else
		printf("%s\n", text);
	hex_text(name, sizeof(name), text);
	if (o->json)
		printf("\"sha256\": \"%s\" }\n", text);
	else
		fprintf(stderr, "vmsign: sha256 %s\n", text);
	return EXIT_PASS;
}

static int write_file(const char *path, const struct signature_file *file)
{
	char new[4096];
	FILE *f;
	bool good;

	if ((size_t)snprintf(new, sizeof(new), "%s.new", path) >= sizeof(new))
		return error_line("%s: too long a name", path);
	f = fopen(new, "we");
	if (!f)
		return error_errno("%s", new);
	good = fwrite(file, sizeof(*file), 1, f) == 1;
	if (fclose(f) || !good || rename(new, path)) {
		error_errno("%s", path);
		unlink(new);
		return -1;
	}
	return 0;
}

static int command_sign(struct options *o, int n, char **words)
{
	static const char *const kinds[] = { "linux", "flat", "run", "images" };
	struct plan *p = &o->plan;
	struct kcore_measurement m;
	struct signature_file file;
	struct key *key;

	for (unsigned int i = 0; n && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(words[0], kinds[i]))
			p->kind = kinds[i];
	if (!p->kind || n < 2 || (n > 2 && strcmp(p->kind, "images")))
		return wrong("what to sign: linux IMAGE, flat IMAGE, run FILE, or images FILE@ADDRESS...");
	if (!o->key || !o->output)
		return wrong("sign: --key and --output are needed");
	if (strcmp(p->kind, "linux") && (p->initrd || p->disk || p->vconsole))
		return wrong("--initrd, --disk, --virtio-console: of linux only");
	if (strcmp(p->kind, "linux") && strcmp(p->kind, "flat") && (p->append || p->its || p->pmu))
		return wrong("--append, --its, --pmu: of linux and flat only");
	if (!strcmp(p->kind, "images") ? !o->entry : o->entry || o->base || p->x[0] || p->x[1] || p->x[2] || p->x[3])
		return wrong("--entry: images needs it; --entry, --base, --x0 .. --x3: of images only");
	p->image = words[1];
	p->files = words + 1;
	p->nr_files = n - 1;
	if (!p->append)
		p->append = strcmp(p->kind, "linux") ? "" : LINUX_APPEND;
	if (!p->memory)
		p->memory = strcmp(p->kind, "run") ? LINUX_MEMORY : FILE_MEMORY;
	if (!p->base)
		p->base = RAM_BASE;
	key = key_read(o->key, true);
	if (!key || plan_measure(p, &m))
		return EXIT_ENVIRONMENT;
	memcpy(file.measured, &m, sizeof(file.measured));
	if (key_sign(key, &file) || write_file(o->output, &file))
		return EXIT_ENVIRONMENT;
	return EXIT_PASS;
}

/* FILE's hash by its whole content */
static int hash_file(const char *path, u8 digest[HASH_BYTES])
{
	struct hash *hash;
	FILE *f = fopen(path, "re");
	char buffer[4096];
	size_t n;

	if (!f)
		return error_errno("%s", path);
	hash = hash_new();
	while ((n = fread(buffer, 1, sizeof(buffer), f)) > 0)
		hash_add(hash, buffer, n);
	hash_end(hash, digest);
	n = (size_t)ferror(f);
	fclose(f);
	return n ? error_line("%s: can't be read", path) : 0;
}

/* The signature in FILE is the key's, and of what was measured where that is known. */
static int check_signed(const char *path, const struct signature_file *file, const struct options *o, const struct key *key,
			const char *log, const struct kcore_measurement *is)
{
	struct kcore_measurement want = { 0 };
	u8 name[HASH_BYTES];
	char text[2 * HASH_BYTES + 1];
	int status = EXIT_PASS;

	if (!key_verifies(key, file->measured, sizeof(file->measured), file->signature)) {
		error_line("%s: not signed by the key in %s", path, o->key);
		return EXIT_FAILED;
	}
	key_name(key, name);
	hex_text(name, sizeof(name), text);
	printf("%s: signed by the key with sha256 %s\n", path, text);
	if (!is)
		return EXIT_PASS;
	memcpy(&want, file->measured, sizeof(file->measured));
	if (measurement_compare(is, "KCore measured", &want, "signed is"))
		status = EXIT_FAILED;
	if (memcmp(is->key, name, sizeof(name))) {
		hex_text(is->key, sizeof(is->key), text);
		error_line("%s: the VM wasn't started by a signature of this key, but of: %s", log, text);
		status = EXIT_FAILED;
	}
	return status;
}

/* core: of kcore.bin, if that was given */
static int check_core(const struct options *o, const char *log, const struct kcore_measurement *is, const u8 *core)
{
	char text[2 * HASH_BYTES + 1];

	hex_text(is->core, sizeof(is->core), text);
	if (!o->core || !memcmp(is->core, core, HASH_BYTES))
		return EXIT_PASS;
	error_line("%s: the KCore that runs isn't %s, but has sha256 %s", log, o->core, text);
	return EXIT_FAILED;
}

static int command_verify(const struct options *o, const char *path)
{
	struct kcore_measurement is;
	struct signature_file file;
	u8 core[HASH_BYTES];
	char text[2 * HASH_BYTES + 1];
	struct key *key;
	int status;

	if (!o->key)
		return wrong("verify: --key is needed");
	if (o->core && !o->log)
		return wrong("--core: only a log says which KCore is running; --log is needed");
	key = key_read(o->key, false);
	if (!key || signature_load(path, &file) || (o->log && log_read(o->log, &is)) || (o->core && hash_file(o->core, core)))
		return EXIT_ENVIRONMENT;
	status = check_signed(path, &file, o, key, o->log, o->log ? &is : NULL);
	if (!o->log)
		return status;
	status |= check_core(o, o->log, &is, core);
	hex_text(is.core, sizeof(is.core), text);
	if (!status)
		printf("%s: the VM that KCore (sha256 %s) started is the one that was signed\n", o->log, text);
	return status;
}

static void print_text(const struct kcore_measurement *m, const char *signature)
{
	char text[2 * HASH_BYTES + 1];

	printf("memory      %#llx..%#llx\n", (unsigned long long)m->memory_base, (unsigned long long)m->memory_end - 1);
	printf("vCPUs       %llu\n", (unsigned long long)m->vcpus);
	printf("entry       %#llx, x0..x3 %#llx %#llx %#llx %#llx\n", (unsigned long long)m->entry, (unsigned long long)m->x[0],
	       (unsigned long long)m->x[1], (unsigned long long)m->x[2], (unsigned long long)m->x[3]);
	for (u64 i = 0; i < m->nr_images && i < KCORE_MAX_IMAGES; i++) {
		hex_text(m->image[i].sha256, 32, text);
		printf("image %llu     %#llx, %llu bytes, sha256 %s\n", (unsigned long long)i, (unsigned long long)m->image[i].ipa,
		       (unsigned long long)m->image[i].bytes, text);
	}
	if (m->nr_images > KCORE_MAX_IMAGES)
		printf("            more images than can be signed\n");
	if (signature) {
		printf("signature   %s\n", signature);
		return;
	}
	hex_text(m->key, 32, text);
	printf("key sha256  %s\n", text);
	hex_text(m->core, 32, text);
	printf("core sha256 %s\n", text);
}

/* Addresses as text: numbers of JSON aren't 64 bits wide everywhere */
static void print_json(const struct kcore_measurement *m, const char *signature)
{
	char text[2 * HASH_BYTES + 1];

	printf("{\n \"memory\": { \"base\": \"%#llx\", \"end\": \"%#llx\" },\n \"vcpus\": %llu,\n \"entry\": \"%#llx\",\n \"x\": [",
	       (unsigned long long)m->memory_base, (unsigned long long)m->memory_end, (unsigned long long)m->vcpus, (unsigned long long)m->entry);
	for (unsigned int i = 0; i < 4; i++)
		printf("%s\"%#llx\"", i ? ", " : "", (unsigned long long)m->x[i]);
	printf("],\n \"nr_images\": %llu,\n \"images\": [", (unsigned long long)m->nr_images);
	for (u64 i = 0; i < m->nr_images && i < KCORE_MAX_IMAGES; i++) {
		hex_text(m->image[i].sha256, 32, text);
		printf("%s\n  { \"ipa\": \"%#llx\", \"bytes\": %llu, \"sha256\": \"%s\" }", i ? "," : "", (unsigned long long)m->image[i].ipa,
		       (unsigned long long)m->image[i].bytes, text);
	}
	printf("\n ],\n");
	if (signature) {
		printf(" \"signature\": \"%s\"\n}\n", signature);
		return;
	}
	hex_text(m->key, 32, text);
	printf(" \"key\": \"%s\",\n", text);
	hex_text(m->core, 32, text);
	printf(" \"core\": \"%s\"\n}\n", text);
}

/* What KCore signs: the quote up to its signature, then the measurement */
static bool quote_verifies(const struct key *key, const struct kcore_quote *q, const struct kcore_measurement *m)
{
	u8 message[KCORE_QUOTE_SIGNED + sizeof(*m)], signature[SIGNATURE_BYTES];

	memcpy(message, q, KCORE_QUOTE_SIGNED);
	memcpy(message + KCORE_QUOTE_SIGNED, m, sizeof(*m));
	memcpy(signature, q->signature, sizeof(signature));
	return key_verifies(key, message, sizeof(message), signature);
}

static int command_quote_verify(const struct options *o, const char *log)
{
	struct kcore_measurement is;
	struct kcore_quote q;
	struct signature_file file;
	struct key *quote_key, *owner = NULL;
	u8 point[POINT_BYTES] = { 4 }, core[HASH_BYTES];
	u64 nonce[4];
	int status = EXIT_PASS;
	bool guest;

	if (!o->quote_key || !o->nonce || !o->asked || !o->core)
		return wrong("quote-verify: --quote-key, --nonce, --asked and --core are needed");
	guest = !strcmp(o->asked, "guest");
	if (!guest && strcmp(o->asked, "host"))
		return bad_value("asked", o->asked, "host or guest");
	if (!hex_parse(o->quote_key, POINT_BYTES - 1, point + 1))
		return bad_value("quote-key", o->quote_key, "the 128 hexadecimal digits that the host's kernel printed");
	if (!nonce_parse(o->nonce, nonce))
		return bad_value("nonce", o->nonce, "64 hexadecimal digits");
	if (!o->sign != !o->key)
		return wrong("quote-verify: --signed and --key, both or none");
	quote_key = key_from_point(point);
	if (o->key)
		owner = key_read(o->key, false);
	if (!quote_key || (o->key && (!owner || signature_load(o->sign, &file))) || log_read(log, &is) || log_read_quote(log, o->asked, &q) ||
	    hash_file(o->core, core))
		return EXIT_ENVIRONMENT;
	if (!quote_verifies(quote_key, &q, &is)) {
		error_line("%s: what it says isn't signed by the key of --quote-key", log);
		return EXIT_FAILED;
	}
	if (q.magic != KCORE_QUOTE_MAGIC || is.magic != KCORE_MEASUREMENT_MAGIC) {
		error_line("%s: signed, but no quote of this version", log);
		return EXIT_FAILED;
	}
	if (q.who != (guest ? KCORE_QUOTE_GUEST : KCORE_QUOTE_HOST)) {
		error_line("%s: the %s didn't ask for this quote, but the other one", log, o->asked);
		status = EXIT_FAILED;
	}
	if (memcmp(q.data, nonce, sizeof(nonce))) {
		error_line("%s: a quote for another nonce", log);
		status = EXIT_FAILED;
	}
	status |= check_core(o, log, &is, core);
	if (owner)
		status |= check_signed(o->sign, &file, o, owner, log, &is);
	if (status)
		return status;
	print_text(&is, NULL);
	printf("%s: the %s's quote of this VM is good; %s\n", log, o->asked,
	       owner ? "it is the one that was signed" : "whose VM it is nobody has looked at (--key, --signed)");
	return EXIT_PASS;
}

/* A signature begins with the magic number; text doesn't */
static bool is_signature(const char *path)
{
	u64 magic = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	if (fread(&magic, sizeof(magic), 1, f) != 1)
		magic = 0;
	fclose(f);
	return magic == KCORE_MEASUREMENT_MAGIC;
}

static int command_print(const struct options *o, const char *path)
{
	struct kcore_measurement m = { 0 };
	struct signature_file file;
	char signature[2 * SIGNATURE_BYTES + 1];
	bool is_file = is_signature(path);

	if (is_file) {
		if (signature_load(path, &file))
			return EXIT_ENVIRONMENT;
		memcpy(&m, file.measured, sizeof(file.measured));
		hex_text(file.signature, sizeof(file.signature), signature);
	} else if (log_read(path, &m)) {
		return EXIT_ENVIRONMENT;
	}
	(o->json ? print_json : print_text)(&m, is_file ? signature : NULL);
	return EXIT_PASS;
}

int main(int argc, char **argv)
{
	struct options o = { .plan = { .vcpus = 1, .gic = 3 } };
	int status, n;
	char **words;

	set_program_name("vmsign");
	status = parse(argc, argv, &o);
	if (status)
		return status;
	n = argc - optind - 1;
	words = argv + optind + 1;
	if (n < 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(words[-1], "sign"))
		return command_sign(&o, n, words);
	if (n != 1)
		return wrong("what to do: key PEM, sign VM, verify FILE, quote-verify LOG, or print FILE|LOG");
	if (!strcmp(words[-1], "key"))
		return command_key(&o, words[0]);
	if (!strcmp(words[-1], "verify"))
		return command_verify(&o, words[0]);
	if (!strcmp(words[-1], "quote-verify"))
		return command_quote_verify(&o, words[0]);
	if (!strcmp(words[-1], "print"))
		return command_print(&o, words[0]);
	return wrong("what to do: key PEM, sign VM, verify FILE, quote-verify LOG, or print FILE|LOG");
}
