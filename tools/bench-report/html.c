// SPDX-License-Identifier: GPL-2.0-only
/* One page: no script, nothing from elsewhere, readable on a narrow screen. */
#include "report.h"
#include "../matrix-report/escape.h"

#include <math.h>
#include <string.h>

static const char style[] =
	":root{color-scheme:light dark;--hyp:#c2571a;--host:#3572b0;--user:#5f9a4b;--all:#777}"
	"body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:72rem}"
	"h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .5rem}h3{font-size:1.05rem;margin:1.4rem 0 .4rem}"
	"h4{font-size:1rem;font-weight:600;margin:0 0 .3rem}"
	".scroll{overflow-x:auto}table{border-collapse:collapse}th,td{padding:.3rem .55rem;text-align:right;white-space:nowrap}"
	"thead th{font-weight:600;border-bottom:2px solid #8886}tbody tr+tr>*{border-top:1px solid #8884}"
	"th[scope=row]{text-align:left;font-weight:400;position:sticky;left:0;background:Canvas;white-space:normal;min-width:9rem}"
	".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(21rem,100%),1fr));gap:1rem}"
	".card{border:1px solid #8884;border-radius:.4rem;padding:.6rem .7rem;min-width:0}"
	".row{display:grid;grid-template-columns:4.7rem 1fr 5.4rem 3.6rem;gap:.5rem;align-items:center;font-size:.9rem}"
	".row b,.row i{text-align:right;font-weight:400;font-style:normal;font-variant-numeric:tabular-nums}"
	"svg{display:block;width:100%}.row svg{height:1rem}text{font:12px system-ui,sans-serif;fill:CanvasText}"
	".good{background:#2a93;border-radius:.25rem;padding:0 .25rem}.miss{background:#d336;font-weight:600;border-radius:.25rem;padding:0 .25rem}"
	".key span{display:inline-block;width:.8rem;height:.8rem;margin:0 .3rem 0 .8rem;vertical-align:-.05rem}"
	".note{opacity:.8}small{opacity:.8}";

/* Goals: how many times stock at most */
#define GOAL_NORMAL	1.00
#define GOAL_PROTECTED	1.15
#define GOAL_WORK	1.05

struct operation {
	const char *group, *name, *title, *text;
};

static const struct operation operations[] = {
	{ "ops", "hvc_psci_version", "Hypercall", "PSCI_VERSION, answered by KVM" },
	{ "ops", "hvc_unknown", "Hypercall, unknown", "a function that nobody knows" },
	{ "ops", "mmio_vgic", "MMIO in the kernel", "a read of the vGIC's distributor" },
	{ "ops", "mmio_user", "MMIO to user space", "a read that the VMM answers" },
	{ "ops", "sysreg_id", "Trapped register", "a read of ID_AA64PFR0_EL1" },
	{ "ops", "ipi_self", "Virtual IPI to itself", "SGI sent, acknowledged, ended" },
	{ "ops", "ipi_other", "Virtual IPIs to and fro", "two vCPUs on one CPU; each wakes the other from WFI" },
	{ "ops", "stage2_fault", "Stage-2 fault, 4 KiB", "first touch; the page is there in the VMM" },
	{ "ops", "stage2_huge", "Stage-2 fault, 2 MiB", "first touch of a huge page; not of a protected VM, which gets 4 KiB" },
	{ "ops", "vcpu_switch", "Switch of vCPUs", "two VMs in one thread in turn, one exit to user space each" },
	{ "ops", "vm_create", "VM created", "1 vCPU, up to its first answer" },
	{ "ops", "vm_destroy", "VM destroyed", "with the few pages that it touched" },
	{ "ops", "vm_fill_mib", "VM's memory filled, MiB", "256 pages of 4 KiB touched, not there in the VMM before" },
	{ "ops", "vm_destroy_mib", "VM destroyed, each MiB", "what 1 MiB that it had touched adds" },
	{ "work", "app_messages", "Work: messages", "hackbench-like: 12 processes, pipes" },
	{ "work", "app_compile", "Work: compile", "fork, exec, files, a table of words" },
	{ "work", "app_virtio", "Work: virtio", "16 KiB requests by a file and a doorbell" },
};

#define NR_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* A protected VM gets 4 KiB at a time: its count is that of another operation */
static bool applies(const struct operation *o, enum kind kind)
{
	return kind != PROTECTED || strcmp(o->name, "stage2_huge");
}

static double goal_of(const struct operation *o, enum kind kind)
{
	if (!strcmp(o->group, "work"))
		return GOAL_WORK;
	return kind == NORMAL ? GOAL_NORMAL : GOAL_PROTECTED;
}

/* As printed: with two digits */
static bool misses(double ratio, double goal)
{
	return ratio >= goal + 0.005;
}

static void print_number(FILE *out, double value)
{
	if (value < 1e5)
		fprintf(out, "%.0f", value);
	else if (value < 1e7)
		fprintf(out, "%.1fk", value / 1e3);
	else
		fprintf(out, "%.1fM", value / 1e6);
}

static void print_ratio(FILE *out, double ratio, double goal)
{
	fprintf(out, "<span class=%s>%.2f</span>", misses(ratio, goal) ? "miss" : "good", ratio);
}

static void segment(FILE *out, double *at, double length, const char *colour)
{
	if (length <= 0)
		return;
	fprintf(out, "<rect x=\"%.2f\" y=\"1\" width=\"%.2f\" height=\"14\" fill=\"var(--%s)\"/>", *at, length, colour);
	*at += length;
}

/* A bar of at most 100 units for `full'; the dashed line is the goal */
static void bar(FILE *out, const struct count *c, double full, double goal)
{
	double at = 0, scale = 100 / full;

	fprintf(out, "<svg viewBox=\"0 0 100 16\" preserveAspectRatio=none aria-hidden=true>");
	if (c->hyp < 0) {
		segment(out, &at, c->value * scale, "all");
	} else {
		segment(out, &at, c->hyp * scale, "hyp");
		segment(out, &at, c->host * scale, "host");
		segment(out, &at, c->user * scale, "user");
	}
	if (goal > 0)
		fprintf(out, "<line x1=\"%.2f\" x2=\"%.2f\" y1=\"0\" y2=\"16\" stroke=CanvasText stroke-dasharray=\"3 2\" "
			"vector-effect=non-scaling-stroke />", goal * scale, goal * scale);
	fprintf(out, "</svg>");
}

static void operation_card(FILE *out, const struct release *r, const struct operation *o)
{
	struct count counts[NR_KINDS];
	bool have[NR_KINDS];
	double full = 0;

	for (enum kind k = 0; k < NR_KINDS; k++) {
		have[k] = applies(o, k) && find(r, k, o->group, o->name, &counts[k]);
		if (have[k])
			full = fmax(full, counts[k].value);
	}
	if (!have[STOCK] || counts[STOCK].value <= 0)
		return;
	full = fmax(full, counts[STOCK].value * GOAL_PROTECTED) * 1.02;
	fprintf(out, "<div class=card><h4>%s</h4><small>%s</small>\n", o->title, o->text);
	for (enum kind k = 0; k < NR_KINDS; k++) {
		if (!have[k])
			continue;
		fprintf(out, "<div class=row><span>%s</span>", kind_names[k]);
		bar(out, &counts[k], full, k == STOCK ? 0 : goal_of(o, k) * counts[STOCK].value);
		fprintf(out, "<b>");
		print_number(out, counts[k].value);
		fprintf(out, "</b><i>");
		if (k != STOCK)
			print_ratio(out, counts[k].value / counts[STOCK].value, goal_of(o, k));
		fprintf(out, "</i></div>\n");
	}
	fprintf(out, "</div>\n");
}

static void split_table(FILE *out, const struct release *r)
{
	fprintf(out, "<details><summary>Where the instructions are: EL2, host kernel, VMM</summary><div class=scroll><table><thead><tr><th>");
	for (enum kind k = 0; k < NR_KINDS; k++)
		fprintf(out, "<th>%s: EL2<th>kernel<th>user", kind_names[k]);
	fprintf(out, "</thead><tbody>\n");
	for (size_t i = 0; i < NR_OPERATIONS; i++) {
		struct count c;

		if (!find(r, STOCK, operations[i].group, operations[i].name, &c) || c.hyp < 0)
			continue;
		fprintf(out, "<tr><th scope=row>%s", operations[i].title);
		for (enum kind k = 0; k < NR_KINDS; k++) {
			if (!applies(&operations[i], k) || !find(r, k, operations[i].group, operations[i].name, &c) || c.hyp < 0) {
				fprintf(out, "<td><td><td>");
				continue;
			}
			fprintf(out, "<td>");
			print_number(out, c.hyp);
			fprintf(out, "<td>");
			print_number(out, c.host);
			fprintf(out, "<td>");
			print_number(out, c.user);
		}
		fprintf(out, "\n");
	}
	fprintf(out, "</tbody></table></div></details>\n");
}

/* Growth: what is counted at points, three lines */
struct growth {
	const char *title;
	bool in_group;		/* the point is in the group's name, else in the count's */
	const char *group, *name;
	unsigned int points[4], nr_points;
	const char *unit;
};

static const struct growth growths[] = {
	{ "One more VM created", false, "growth", "vms.%u.create", { 1, 8, 64 }, 3, "VMs alive" },
	{ "An exit to user space", false, "growth", "vms.%u.exit", { 1, 8, 64 }, 3, "VMs alive" },
	{ "A VM destroyed", false, "growth", "vms.%u.destroy", { 1, 8, 64 }, 3, "VMs alive" },
	{ "A VM created", false, "growth", "vcpus.%u.create", { 1, 2, 4, 8 }, 4, "vCPUs" },
	{ "A VM destroyed", false, "growth", "vcpus.%u.destroy", { 1, 2, 4, 8 }, 4, "vCPUs" },
	{ "Hypercall", true, "memory%u", "hvc_psci_version", { 1, 2, 8 }, 3, "GiB of the host" },
	{ "Stage-2 fault, 4 KiB", true, "memory%u", "stage2_fault", { 1, 2, 8 }, 3, "GiB of the host" },
};

static bool find_point(const struct release *r, enum kind kind, const struct growth *g, unsigned int point, struct count *c)
{
	char text[64];

	if (g->in_group && point == 2)	/* the machine of all other counts */
		return find(r, kind, "ops", g->name, c);
	/* formats are those of the table above */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), g->in_group ? g->group : g->name, point);
#pragma GCC diagnostic pop
	return find(r, kind, g->in_group ? text : g->group, g->in_group ? g->name : text, c);
}

#define WIDTH 330.0
#define HEIGHT 150.0
#define LEFT 8.0
#define RIGHT 96.0
#define TOP 14.0
#define BOTTOM 22.0

static void growth_card(FILE *out, const struct release *r, const struct growth *g)
{
	static const char *const colours[NR_KINDS] = { "all", "host", "hyp" };
	double last = log2(g->points[g->nr_points - 1]), most = 0, x = 0, y[NR_KINDS], value[NR_KINDS] = { -1, -1, -1 }, label = 0;
	struct count c;

	for (enum kind k = 0; k < NR_KINDS; k++)
		for (unsigned int i = 0; i < g->nr_points; i++)
			if (find_point(r, k, g, g->points[i], &c))
				most = fmax(most, c.value);
	if (most <= 0)
		return;
	fprintf(out, "<div class=card><h4>%s</h4><small>by %s</small><svg viewBox=\"0 0 %.0f %.0f\">", g->title, g->unit, WIDTH, HEIGHT);
	fprintf(out, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.0f\" y2=\"%.0f\" stroke=CanvasText stroke-opacity=\".5\"/>", LEFT, WIDTH - RIGHT,
		HEIGHT - BOTTOM, HEIGHT - BOTTOM);
	for (unsigned int i = 0; i < g->nr_points; i++)
		fprintf(out, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=middle>%u</text>",
			LEFT + 6 + log2(g->points[i]) / last * (WIDTH - LEFT - RIGHT - 12), HEIGHT - 6, g->points[i]);
	for (enum kind k = 0; k < NR_KINDS; k++) {
		fprintf(out, "<polyline fill=none stroke-width=\"2\" stroke=\"var(--%s)\" points=\"", colours[k]);
		for (unsigned int i = 0; i < g->nr_points; i++) {
			if (!find_point(r, k, g, g->points[i], &c))
				continue;
			x = LEFT + 6 + log2(g->points[i]) / last * (WIDTH - LEFT - RIGHT - 12);
			y[k] = HEIGHT - BOTTOM - c.value / most * (HEIGHT - TOP - BOTTOM);
			value[k] = c.value;
			fprintf(out, "%.1f,%.1f ", x, y[k]);
		}
		fprintf(out, "\"/>");
	}
	/* names at the lines' ends, from the top down, none over another */
	for (int done = 0; done < NR_KINDS; done++) {
		enum kind k = NR_KINDS;

		for (enum kind j = 0; j < NR_KINDS; j++)
			if (value[j] >= 0 && (k == NR_KINDS || y[j] < y[k]))
				k = j;
		if (k == NR_KINDS)
			break;
		label = fmax(label + 13, y[k] + 4);
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"var(--%s)\"/><text x=\"%.1f\" y=\"%.1f\">%s ", x, y[k], colours[k],
			x + 8, label, k == PROTECTED ? "prot." : kind_names[k]);
		print_number(out, value[k]);
		fprintf(out, "</text>");
		value[k] = -1;
	}
	fprintf(out, "</svg></div>\n");
}

static void print_mib(FILE *out, double bytes)
{
	fprintf(out, "%.1f MiB", bytes / (1 << 20));
}

static void memory(FILE *out, const struct release *r)
{
	static const unsigned int vms[] = { 1, 8, 64 }, vcpus[] = { 1, 2, 4, 8 };
	struct count c, d;
	double most = 0;
	char name[32];

	if (find(r, NORMAL, "memory1", "kcore.region_bytes", &c) && find(r, NORMAL, "memory8", "kcore.region_bytes", &d)) {
		fprintf(out, "<p>KCore reserves ");
		print_mib(out, c.value);
		fprintf(out, " of a host with 1 GiB and ");
		print_mib(out, d.value);
		fprintf(out, " with 8 GiB: ");
		print_mib(out, (d.value - c.value) / 7);
		fprintf(out, " for each GiB more.</p>\n");
	}
	if (find(r, NORMAL, "growth", "vms.1.tables", &c)) {
		fprintf(out, "<div class=scroll><table><thead><tr><th>KiB of it that one more VM takes<th>normal<th>protected</thead><tbody>\n");
		for (size_t i = 0; i < sizeof(vms) / sizeof(vms[0]); i++) {
			snprintf(name, sizeof(name), "vms.%u.tables", vms[i]);
			fprintf(out, "<tr><th scope=row>%u VM%s alive, 1 vCPU", vms[i], i ? "s" : "");
			for (enum kind k = NORMAL; k < NR_KINDS; k++)
				if (find(r, k, "growth", name, &c))
					fprintf(out, "<td>%.0f", c.value * 4);
		}
		for (size_t i = 1; i < sizeof(vcpus) / sizeof(vcpus[0]); i++) {
			snprintf(name, sizeof(name), "vcpus.%u.tables", vcpus[i]);
			fprintf(out, "<tr><th scope=row>1 VM alive, %u vCPUs", vcpus[i]);
			for (enum kind k = NORMAL; k < NR_KINDS; k++)
				if (find(r, k, "growth", name, &c))
					fprintf(out, "<td>%.0f", c.value * 4);
		}
		fprintf(out, "</tbody></table></div>\n");
	}
	for (enum kind k = NORMAL; k < NR_KINDS; k++) {
		static const char *const groups[] = { "ops", "growth", "memory1", "memory8" };

		for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
			if (find(r, k, groups[i], "kcore.el2_max", &c))
				most = fmax(most, c.value);
	}
	if (most > 0) {
		fprintf(out, "<p>The longest call, from the entry at EL2 to the return: ");
		print_number(out, most);
		fprintf(out, " instructions (counter <code>el2_max</code> over all runs).</p>\n");
	}
}

static void summary(FILE *out, const struct release *releases, size_t n)
{
	size_t missed = 0, all = 0;

	fprintf(out, "<div class=scroll><table><thead><tr><th>times stock");
	for (size_t r = 0; r < n; r++) {
		fprintf(out, "<th colspan=2><a href=\"#r%zu\">", r);
		print_escaped(out, releases[r].name);
		fprintf(out, "</a>");
	}
	fprintf(out, "<tr><th>");
	for (size_t r = 0; r < n; r++)
		fprintf(out, "<th>normal<th>prot.");
	fprintf(out, "</thead><tbody>\n");
	for (size_t i = 0; i < NR_OPERATIONS; i++) {
		fprintf(out, "<tr><th scope=row>%s", operations[i].title);
		for (size_t r = 0; r < n; r++) {
			struct count stock, c;

			for (enum kind k = NORMAL; k < NR_KINDS; k++) {
				fprintf(out, "<td>");
				if (!applies(&operations[i], k) ||
				    !find(&releases[r], STOCK, operations[i].group, operations[i].name, &stock) || stock.value <= 0 ||
				    !find(&releases[r], k, operations[i].group, operations[i].name, &c)) {
					fprintf(out, "&ndash;");
					continue;
				}
				print_ratio(out, c.value / stock.value, goal_of(&operations[i], k));
				missed += misses(c.value / stock.value, goal_of(&operations[i], k));
				all++;
			}
		}
		fprintf(out, "\n");
	}
	fprintf(out, "</tbody></table></div>\n<p>%zu of %zu ratios miss their goal.</p>\n", missed, all);
}

void print_html(FILE *out, const struct release *releases, size_t n)
{
	fprintf(out, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
		"<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>KCore: costs</title>"
		"<style>%s</style></head><body>\n<h1>KCore: instructions, against stock KVM</h1>\n"
		"<p>Counted on QEMU with <code>-icount</code>, one CPU, Cortex-A57: exact and repeatable, but no times. A ratio is the count over that of "
		"stock KVM. Goals: an operation of a normal VM at most %.2f, of a protected VM at most %.2f, application work at most %.2f; "
		"<span class=miss>missed</span>, <span class=good>met</span>.</p>\n", style, GOAL_NORMAL, GOAL_PROTECTED, GOAL_WORK);
	summary(out, releases, n);
	for (size_t i = 0; i < n; i++) {
		const struct release *r = &releases[i];

		fprintf(out, "<h2 id=\"r%zu\">", i);
		print_escaped(out, r->name);
		fprintf(out, "</h2>\n<p class=note>Stock: ");
		print_escaped(out, r->stock);
		fprintf(out, ".</p>\n");
		fprintf(out, "<p class=key><span style=\"background:var(--hyp);margin-left:0\"></span>EL2"
			"<span style=\"background:var(--host)\"></span>host kernel<span style=\"background:var(--user)\"></span>VMM"
			"<span style=\"background:var(--all)\"></span>not split; dashed: the goal</p>\n<div class=cards>\n");
		for (size_t k = 0; k < NR_OPERATIONS; k++)
			operation_card(out, r, &operations[k]);
		fprintf(out, "</div>\n");
		split_table(out, r);
		fprintf(out, "<h3>Growth</h3>\n<div class=cards>\n");
		for (size_t k = 0; k < sizeof(growths) / sizeof(growths[0]); k++)
			growth_card(out, r, &growths[k]);
		fprintf(out, "</div>\n<h3>Memory and time at EL2</h3>\n");
		memory(out, r);
	}
	fprintf(out, "</body></html>\n");
}
