// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "console.h"

/* Registers and bits: DDI 0183, PrimeCell UART (PL011), chapter 3 */
#define DR	0x000
#define FR	0x018
#define IBRD	0x024
#define FBRD	0x028
#define LCRH	0x02c
#define CR	0x030
#define IFLS	0x034
#define IMSC	0x038
#define RIS	0x03c
#define MIS	0x040
#define ICR	0x044
#define PERIPHID 0xfe0

#define FR_RXFE	(1U << 4)
#define FR_TXFE	(1U << 7)
#define INT_TX	(1U << 5)

void console_flush(struct console *c)
{
	lines_flush(&c->lines);
}

static void update_irq(struct vm *vm, struct console *c)
{
	bool level = c->ris & c->imsc;

	if (level == c->irq_level)
		return;
	c->irq_level = level;
	if (vm_irq(vm, UART_SPI, level))
		error_errno("KVM_IRQ_LINE of the console");
}

static u64 read_uart(struct vm *vm, void *state, u64 offset, unsigned int bytes)
{
	static const u8 id[8] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	struct console *c = state;

	(void)vm;
	(void)bytes;
	if (offset >= PERIPHID)
		return id[(offset - PERIPHID) / 4];
	switch (offset) {
	case FR:
		return FR_RXFE | FR_TXFE;
	case IBRD:
		return c->ibrd;
	case FBRD:
		return c->fbrd;
	case LCRH:
		return c->lcrh;
	case CR:
		return c->cr;
	case IFLS:
		return c->ifls;
	case IMSC:
		return c->imsc;
	case RIS:
		return c->ris;
	case MIS:
		return c->ris & c->imsc;
	}
	return 0;
}

static void write_uart(struct vm *vm, void *state, u64 offset, u64 value, unsigned int bytes)
{
	struct console *c = state;

	(void)bytes;
	switch (offset) {
	case DR:
		lines_put(&c->lines, (char)value);
		c->ris |= INT_TX;	/* the FIFO is below its mark again at once */
		break;
	case IBRD:
		c->ibrd = (u32)value;
		break;
	case FBRD:
		c->fbrd = (u32)value;
		break;
	case LCRH:
		c->lcrh = (u32)value;
		break;
	case CR:
		c->cr = (u32)value;
		break;
	case IFLS:
		c->ifls = (u32)value;
		break;
	case IMSC:
		c->imsc = (u32)value;
		break;
	case ICR:
		c->ris &= ~(u32)value;
		break;
	}
	update_irq(vm, c);
}

int console_attach(struct vm *vm, struct console *console, const char *prefix)
{
	struct mmio_device device = {
		.base = UART_BASE, .size = UART_SIZE, .state = console, .read = read_uart, .write = write_uart,
	};

	memset(console, 0, sizeof(*console));
	console->lines.prefix = prefix;
	console->cr = 0x300;	/* reset value: RXE, TXE */
	console->ifls = 0x12;
	return vm_add_device(vm, &device);
}
